//! Message IDs in the styles of real mailers.

use super::random::Random;

const UPPER_HEX: &[u8] = b"0123456789ABCDEF";
const BASE64_URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The ID that an outside mailer gives a message, with its brackets.
pub(super) fn far_message_id(random: &mut Random, at_ms: i64, from: &str) -> String {
    let domain = from.rsplit_once('@').map_or("far.example", |(_, domain)| domain);
    let mut id = String::with_capacity(80);
    id.push('<');
    match random.below(8) {
        0..=2 => {
            id.push_str("CA");
            random.push_digits(&mut id, 46, BASE64_URL);
            id.push_str("@mail.gmail.example");
        }
        3 => {
            let mut host = String::with_capacity(16);
            random.push_digits(&mut host, 14, UPPER);
            id.push_str(&host);
            random.push_digits(&mut id, 18, UPPER_HEX);
            id.push('@');
            id.push_str(&host);
            id.push_str(".eurprd04.prod.outlook.example");
        }
        4 => {
            random.push_digits(&mut id, 14, b"0123456789");
            id.push('.');
            random.push_digits(&mut id, 10, UPPER_HEX);
            id.push_str("@mx1.");
            id.push_str(domain);
        }
        5 => {
            random.push_uuid(&mut id);
            id.push('@');
            id.push_str(domain);
        }
        6 => {
            id.push_str(&at_ms.to_string());
            id.push('.');
            random.push_digits(&mut id, 5, b"0123456789");
            id.push_str(".JavaMail.root@app7.");
            id.push_str(domain);
        }
        _ => push_ses_id(&mut id, random),
    }
    id.push('>');
    id
}

/// The ID that WorkMail gives a message, with its brackets.
pub(super) fn own_message_id(random: &mut Random) -> String {
    let mut id = String::with_capacity(90);
    id.push('<');
    if random.chance(6_000) {
        id.push_str("mail.");
        random.push_hex(&mut id, 8);
        id.push('.');
        random.push_hex(&mut id, 4);
        id.push('.');
        random.push_hex(&mut id, 16);
        id.push_str("@storage.workmail.example");
    } else {
        push_ses_id(&mut id, random);
    }
    id.push('>');
    id
}

fn push_ses_id(id: &mut String, random: &mut Random) {
    id.push_str("0102019");
    random.push_hex(id, 9);
    id.push('-');
    random.push_uuid(id);
    id.push_str("-000000@eu-west-1.amazonses.example");
}
