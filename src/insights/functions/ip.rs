//! Functions on IP addresses.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Arguments, Function, Value};

pub(super) fn call<'r>(function: Function, arguments: Arguments<'r, '_>) -> Option<Value<'r>> {
    let text = arguments.text(0);
    let address: Option<IpAddr> = text.and_then(|it| it.parse().ok());
    let is_in_subnet = || {
        let subnet = arguments.text(1);
        address.is_some_and(|it| subnet.is_some_and(|subnet| is_in(it, &subnet)))
    };
    let value = match function {
        Function::IsValidIp => Value::flag(address.is_some()),
        Function::IsValidIpV4 => Value::flag(address.is_some_and(|it| it.is_ipv4())),
        Function::IsValidIpV6 => Value::flag(address.is_some_and(|it| it.is_ipv6())),
        Function::IsIpInSubnet => Value::flag(is_in_subnet()),
        Function::IsIpV4InSubnet => {
            Value::flag(address.is_some_and(|it| it.is_ipv4()) && is_in_subnet())
        }
        Function::IsIpV6InSubnet => {
            Value::flag(address.is_some_and(|it| it.is_ipv6()) && is_in_subnet())
        }
        Function::IpV4ToNumber => match address {
            Some(IpAddr::V4(it)) => Value::Number(f64::from(it.to_bits())),
            _ => Value::Null,
        },
        Function::IsPrivateIp => Value::flag(address.is_some_and(is_private)),
        Function::IsReservedIp => Value::flag(address.is_some_and(is_reserved)),
        Function::IsPublicIp => {
            Value::flag(address.is_some_and(|it| !is_private(it) && !is_reserved(it)))
        }
        _ => return None,
    };
    Some(value)
}

/// True if an address is in a network in CIDR notation.
fn is_in(address: IpAddr, subnet: &str) -> bool {
    subnet.parse::<IpNet>().is_ok_and(|it| it.contains(&address))
}

/// True for the private networks of RFC 1918 and RFC 4193.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => it.is_private(),
        IpAddr::V6(it) => it.is_unique_local(),
    }
}

/// True for networks that IANA reserves for special use, other than private ones.
fn is_reserved(address: IpAddr) -> bool {
    const NETWORKS: [&str; 12] = [
        "0.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001:db8::/32",
    ];
    let is_special = match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(it) => {
            it.is_loopback()
                || it.is_unspecified()
                || it.is_multicast()
                || it.is_unicast_link_local()
        }
    };
    is_special || NETWORKS.iter().any(|it| is_in(address, it))
}
