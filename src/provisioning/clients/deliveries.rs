//! CloudWatch Logs: the delivery of services' own logs ("vended logs").

use aws_sdk_cloudwatchlogs::types::{DeliveryDestinationConfiguration, OutputFormat};

use crate::aws::failure::{self, text};
use crate::aws::{AwsError, Call, Failure, LogsClient, Page};
use crate::limits;

/// A resource's logs of one type, which can be delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliverySource {
    pub name: String,
    /// The ARN of the resource that logs.
    pub resource_arn: String,
    /// The type of its logs, such as `AUTHENTICATION_LOGS`.
    pub log_type: String,
}

/// A destination for logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryDestination {
    pub name: String,
    pub arn: String,
    /// The ARN of the log group, bucket or stream.
    pub target_arn: String,
    /// The records' format; without one, JSON for a log group.
    pub format: Option<String>,
}

/// The connection of a source with a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    pub id: String,
    /// The name of the source.
    pub source: String,
    pub destination_arn: String,
}

impl LogsClient {
    fn delivery_call(&self, permission: &'static str, what: &str) -> Call {
        Call::new(permission, format!("{what} in {}", self.place))
    }

    /// A page of the account's sources.
    pub async fn delivery_sources(
        &self,
        token: Option<String>,
    ) -> Result<Page<DeliverySource>, Failure> {
        let call = self.delivery_call("logs:DescribeDeliverySources", "delivery sources");
        let request = self.client.describe_delivery_sources().set_next_token(token);
        let answer = request.limit(limits::DELIVERIES_PAGE).send().await;
        let answer = answer.map_err(|error| failure::failure(&error, &call))?;
        let sources = answer.delivery_sources.into_iter().flatten().filter_map(|it| {
            let resource_arn = it.resource_arns.into_iter().flatten().next();
            Some(DeliverySource {
                name: it.name?,
                resource_arn: text(resource_arn),
                log_type: text(it.log_type),
            })
        });
        Ok((sources.collect(), answer.next_token.filter(|it| !it.is_empty())))
    }

    /// A page of the account's destinations.
    pub async fn delivery_destinations(
        &self,
        token: Option<String>,
    ) -> Result<Page<DeliveryDestination>, Failure> {
        let call = self.delivery_call("logs:DescribeDeliveryDestinations", "delivery destinations");
        let request = self.client.describe_delivery_destinations().set_next_token(token);
        let answer = request.limit(limits::DELIVERIES_PAGE).send().await;
        let answer = answer.map_err(|error| failure::failure(&error, &call))?;
        let all = answer.delivery_destinations.into_iter().flatten();
        let destinations = all.filter_map(|it| {
            let target = it.delivery_destination_configuration;
            let target_arn = text(target.map(|it| it.destination_resource_arn));
            Some(DeliveryDestination {
                name: it.name?,
                arn: it.arn?,
                target_arn: target_arn.strip_suffix(":*").unwrap_or(&target_arn).to_owned(),
                format: it.output_format.map(|it| it.as_str().to_owned()),
            })
        });
        Ok((destinations.collect(), answer.next_token.filter(|it| !it.is_empty())))
    }

    /// A page of the account's deliveries.
    pub async fn deliveries(&self, token: Option<String>) -> Result<Page<Delivery>, Failure> {
        let call = self.delivery_call("logs:DescribeDeliveries", "deliveries");
        let request = self.client.describe_deliveries().set_next_token(token);
        let answer = request.limit(limits::DELIVERIES_PAGE).send().await;
        let answer = answer.map_err(|error| failure::failure(&error, &call))?;
        let deliveries = answer.deliveries.into_iter().flatten().filter_map(|it| {
            Some(Delivery {
                id: it.id?,
                source: text(it.delivery_source_name),
                destination_arn: text(it.delivery_destination_arn),
            })
        });
        Ok((deliveries.collect(), answer.next_token.filter(|it| !it.is_empty())))
    }

    /// Makes a source of one type of a resource's logs.
    pub async fn put_delivery_source(&self, source: &DeliverySource) -> Result<(), Failure> {
        let call = self.delivery_call("logs:PutDeliverySource", &source.name);
        let request = self.client.put_delivery_source().name(&source.name);
        let request = request.resource_arn(&source.resource_arn).log_type(&source.log_type);
        request.send().await.map(|_| ()).map_err(|error| failure::failure(&error, &call))
    }

    /// Makes a log group a destination for JSON records. Returns the destination's ARN.
    pub async fn put_delivery_destination(
        &self,
        name: &str,
        log_group_arn: &str,
    ) -> Result<String, Failure> {
        let call = self.delivery_call("logs:PutDeliveryDestination", name);
        let incomprehensible = |detail: String| {
            let call = call.to_string();
            Failure::Permanent(AwsError::Incomprehensible { call, detail })
        };
        let target = DeliveryDestinationConfiguration::builder()
            .destination_resource_arn(log_group_arn)
            .build()
            .map_err(|error| incomprehensible(error.to_string()))?;
        let request = self.client.put_delivery_destination().name(name);
        let request = request.output_format(OutputFormat::Json);
        let answer = request.delivery_destination_configuration(target).send().await;
        let answer = answer.map_err(|error| failure::failure(&error, &call))?;
        let arn = answer.delivery_destination.and_then(|it| it.arn);
        arn.ok_or_else(|| incomprehensible("a destination without an ARN".to_owned()))
    }

    /// Delivers a source's logs to a destination.
    pub async fn create_delivery(
        &self,
        source: &str,
        destination_arn: &str,
    ) -> Result<(), Failure> {
        let call = self.delivery_call("logs:CreateDelivery", source);
        let request = self.client.create_delivery().delivery_source_name(source);
        let answer = request.delivery_destination_arn(destination_arn).send().await;
        answer.map(|_| ()).map_err(|error| failure::failure(&error, &call))
    }

    /// Ends a delivery. A missing one is not an error.
    pub async fn delete_delivery(&self, id: &str) -> Result<(), Failure> {
        let call = self.delivery_call("logs:DeleteDelivery", id);
        let answer = self.client.delete_delivery().id(id).send().await;
        failure::unless_gone(answer.map(|_| ()).map_err(|error| failure::failure(&error, &call)))
    }

    /// Deletes a source without deliveries. A missing one is not an error.
    pub async fn delete_delivery_source(&self, name: &str) -> Result<(), Failure> {
        let call = self.delivery_call("logs:DeleteDeliverySource", name);
        let answer = self.client.delete_delivery_source().name(name).send().await;
        failure::unless_gone(answer.map(|_| ()).map_err(|error| failure::failure(&error, &call)))
    }

    /// Deletes a destination without deliveries. A missing one is not an error.
    pub async fn delete_delivery_destination(&self, name: &str) -> Result<(), Failure> {
        let call = self.delivery_call("logs:DeleteDeliveryDestination", name);
        let answer = self.client.delete_delivery_destination().name(name).send().await;
        failure::unless_gone(answer.map(|_| ()).map_err(|error| failure::failure(&error, &call)))
    }
}
