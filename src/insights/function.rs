//! The functions of the language by name.

use std::fmt;

/// A function that computes a value from the values of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    Ceil,
    Floor,
    Greatest,
    Least,
    Log,
    Sqrt,
    Round,
    Haversine,
    ToNumber,
    ToInt,
    ToDouble,
    FromMillis,
    ToMillis,
    Now,
    ParseDate,
    FormatDate,
    QueryStartTime,
    QueryEndTime,
    QueryTimeRange,
    IsPresent,
    Coalesce,
    Case,
    If,
    IsNumeric,
    MessageSize,
    IsEmpty,
    IsBlank,
    Concat,
    TrimStart,
    TrimEnd,
    Trim,
    Length,
    ToUpper,
    ToLower,
    Substring,
    Replace,
    RegexReplace,
    Contains,
    StartsWith,
    EndsWith,
    Split,
    UrlEncode,
    UrlDecode,
    Base64Encode,
    Base64Decode,
    HexToAscii,
    HexToDec,
    DecToHex,
    JsonParse,
    JsonStringify,
    JsonArraySize,
    JsonArrayContains,
    IsValidIp,
    IsValidIpV4,
    IsValidIpV6,
    IsIpInSubnet,
    IsIpV4InSubnet,
    IsIpV6InSubnet,
    IpV4ToNumber,
    IsPrivateIp,
    IsPublicIp,
    IsReservedIp,
}

/// Any number of arguments.
const ANY: usize = usize::MAX;

/// Names in lower case, with the least and the greatest number of arguments.
const FUNCTIONS: &[(&str, Function, usize, usize)] = &[
    ("abs", Function::Abs, 1, 1),
    ("ceil", Function::Ceil, 1, 1),
    ("floor", Function::Floor, 1, 1),
    ("greatest", Function::Greatest, 1, ANY),
    ("least", Function::Least, 1, ANY),
    ("log", Function::Log, 1, 1),
    ("sqrt", Function::Sqrt, 1, 1),
    ("round", Function::Round, 1, 2),
    ("haversine", Function::Haversine, 4, 4),
    ("tonumber", Function::ToNumber, 1, 1),
    ("toint", Function::ToInt, 1, 1),
    ("tolong", Function::ToInt, 1, 1),
    ("todouble", Function::ToDouble, 1, 1),
    ("frommillis", Function::FromMillis, 1, 1),
    ("tomillis", Function::ToMillis, 1, 1),
    ("now", Function::Now, 0, 0),
    ("parsedate", Function::ParseDate, 2, 3),
    ("formatdate", Function::FormatDate, 2, 3),
    ("strftime", Function::FormatDate, 2, 3),
    ("querystarttime", Function::QueryStartTime, 0, 0),
    ("queryendtime", Function::QueryEndTime, 0, 0),
    ("querytimerange", Function::QueryTimeRange, 0, 0),
    ("ispresent", Function::IsPresent, 1, 1),
    ("coalesce", Function::Coalesce, 1, ANY),
    ("case", Function::Case, 2, ANY),
    ("if", Function::If, 3, 3),
    ("isnumeric", Function::IsNumeric, 1, 1),
    ("messagesize", Function::MessageSize, 0, 1),
    ("isempty", Function::IsEmpty, 1, 1),
    ("isblank", Function::IsBlank, 1, 1),
    ("concat", Function::Concat, 1, ANY),
    ("ltrim", Function::TrimStart, 1, 2),
    ("rtrim", Function::TrimEnd, 1, 2),
    ("trim", Function::Trim, 1, 2),
    ("strlen", Function::Length, 1, 1),
    ("toupper", Function::ToUpper, 1, 1),
    ("tolower", Function::ToLower, 1, 1),
    ("substr", Function::Substring, 2, 3),
    ("replace", Function::Replace, 3, 3),
    ("regexreplace", Function::RegexReplace, 3, 3),
    ("regex_replace", Function::RegexReplace, 3, 3),
    ("strcontains", Function::Contains, 2, 3),
    ("startswith", Function::StartsWith, 2, 2),
    ("endswith", Function::EndsWith, 2, 2),
    ("split", Function::Split, 2, 2),
    ("urlencode", Function::UrlEncode, 1, 1),
    ("urldecode", Function::UrlDecode, 1, 1),
    ("base64encode", Function::Base64Encode, 1, 1),
    ("base64decode", Function::Base64Decode, 1, 1),
    ("hextoascii", Function::HexToAscii, 1, 1),
    ("hextodec", Function::HexToDec, 1, 1),
    ("dectohex", Function::DecToHex, 1, 1),
    ("jsonparse", Function::JsonParse, 1, 1),
    ("jsonstringify", Function::JsonStringify, 1, 1),
    ("jsonarraysize", Function::JsonArraySize, 1, 1),
    ("jsonarraycontains", Function::JsonArrayContains, 2, 2),
    ("isvalidip", Function::IsValidIp, 1, 1),
    ("isvalidipv4", Function::IsValidIpV4, 1, 1),
    ("isvalidipv6", Function::IsValidIpV6, 1, 1),
    ("isipinsubnet", Function::IsIpInSubnet, 2, 2),
    ("isipv4insubnet", Function::IsIpV4InSubnet, 2, 2),
    ("isipv6insubnet", Function::IsIpV6InSubnet, 2, 2),
    ("ipv4tonumber", Function::IpV4ToNumber, 1, 1),
    ("isprivateip", Function::IsPrivateIp, 1, 1),
    ("ispublicip", Function::IsPublicIp, 1, 1),
    ("isreservedip", Function::IsReservedIp, 1, 1),
];

/// The number of arguments that a function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arity {
    pub(super) least: usize,
    pub(super) most: usize,
}

impl Arity {
    pub(super) fn takes(self, count: usize) -> bool {
        (self.least..=self.most).contains(&count)
    }
}

impl fmt::Display for Arity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (0, 0) => formatter.write_str("no argument"),
            (1, 1) => formatter.write_str("one argument"),
            (least, ANY) => write!(formatter, "at least {least} arguments"),
            (least, most) if least == most => write!(formatter, "{least} arguments"),
            (least, most) => write!(formatter, "{least} to {most} arguments"),
        }
    }
}

impl Function {
    /// Finds a function by its name, in any case, with the number of its arguments.
    pub(super) fn from_name(name: &str) -> Option<(Self, Arity)> {
        let name = name.to_ascii_lowercase();
        let (_, function, least, most) = FUNCTIONS.iter().find(|it| it.0 == name)?;
        Some((*function, Arity { least: *least, most: *most }))
    }

    /// The function name that is most like `name`, if any is similar enough.
    pub(super) fn nearest(name: &str) -> Option<&'static str> {
        let name = name.to_ascii_lowercase();
        let names = FUNCTIONS.iter().map(|it| it.0).chain(AGGREGATES.iter().map(|it| it.0));
        // The parser handles these three itself, because they take a period.
        let all = names.chain(["bin", "datefloor", "dateceil"]);
        let distance = |it: &&str| strsim::osa_distance(it, &name);
        let nearest = all.min_by_key(distance)?;
        (distance(&nearest) <= 1 + nearest.len() / 4).then_some(nearest)
    }
}

/// A function of `stats`, which computes one value from many rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Aggregate {
    /// The number of rows, or of those that have a value.
    Count,
    CountDistinct,
    Sum,
    Average,
    Min,
    Max,
    Deviation,
    /// The value that this percentage of the values does not exceed.
    Percentile(f64),
    Earliest,
    Latest,
    SortsFirst,
    SortsLast,
}

const AGGREGATES: &[(&str, Aggregate)] = &[
    ("count", Aggregate::Count),
    ("count_distinct", Aggregate::CountDistinct),
    ("sum", Aggregate::Sum),
    ("avg", Aggregate::Average),
    ("min", Aggregate::Min),
    ("max", Aggregate::Max),
    ("stddev", Aggregate::Deviation),
    // The percentage is a placeholder, which the parser fills in.
    ("pct", Aggregate::Percentile(0.0)),
    ("earliest", Aggregate::Earliest),
    ("latest", Aggregate::Latest),
    ("sortsfirst", Aggregate::SortsFirst),
    ("sortslast", Aggregate::SortsLast),
];

impl Aggregate {
    /// Finds a function of `stats` by its name, in any case.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        AGGREGATES.iter().find(|it| it.0 == name).map(|it| it.1)
    }

    /// True if it depends on the time of the rows, which only events have.
    pub(super) fn is_by_time(self) -> bool {
        matches!(self, Self::Earliest | Self::Latest)
    }
}
