//! Senders and recipients: the organization's users, groups and aliases, and the world outside.
//!
//! Every domain ends in `.example`, which RFC 2606 reserves.

use super::random::Random;

const FIRST_NAMES: [&str; 40] = [
    "ana", "bob", "carla", "david", "elena", "farid", "greta", "hugo", "ines", "jonas", "katrin",
    "li", "marta", "nadia", "omar", "paula", "quentin", "rosa", "sven", "tomoko", "ulrich", "vera",
    "wei", "ximena", "yusuf", "zoe", "aiko", "bjorn", "chloe", "dmitri", "eva", "felix", "gita",
    "hana", "ivan", "julia", "kofi", "lena", "miguel", "noor",
];

const LAST_NAMES: [&str; 40] = [
    "ruiz",
    "smith",
    "keller",
    "tanaka",
    "haddad",
    "novak",
    "okafor",
    "lindqvist",
    "moreau",
    "rossi",
    "wang",
    "kim",
    "garcia",
    "schmidt",
    "ivanova",
    "silva",
    "nguyen",
    "cohen",
    "patel",
    "jensen",
    "murphy",
    "dubois",
    "weber",
    "santos",
    "yilmaz",
    "kowalski",
    "horvat",
    "eriksen",
    "alvarez",
    "fischer",
    "mensah",
    "suzuki",
    "park",
    "chen",
    "oconnor",
    "bauer",
    "costa",
    "lopez",
    "meyer",
    "brandt",
];

/// Outside domains, those with the most mail first.
pub(super) const FAR_DOMAINS: [&str; 24] = [
    "far.example",
    "mail.example",
    "northwind.example",
    "contoso.example",
    "post.example",
    "bank.example",
    "shop.example",
    "news.example",
    "airline.example",
    "university.example",
    "clinic.example",
    "builders.example",
    "lawyers.example",
    "hosting.example",
    "press.example",
    "energia.example",
    "verlag.example",
    "kaisha.example",
    "gongsi.example",
    "harita.example",
    "tickets.example",
    "parcel.example",
    "insurance.example",
    "kommune.example",
];

const GROUPS: [&str; 12] = [
    "sales",
    "support",
    "engineering",
    "accounts",
    "hr",
    "press",
    "board",
    "facilities",
    "legal",
    "marketing",
    "security",
    "interns",
];

const ALIASES: [&str; 8] =
    ["info", "contact", "jobs", "billing", "orders", "hello", "office", "privacy"];

/// The organization that the log belongs to.
#[derive(Debug)]
pub(super) struct Organization {
    pub(super) domain: String,
    pub(super) user_count: u64,
}

impl Organization {
    /// A user's address, always the same.
    pub(super) fn user(&self, index: u64) -> String {
        let index = index % self.user_count.max(1);
        let mut address = String::with_capacity(32);
        push_name(&mut address, index);
        address.push('@');
        address.push_str(&self.domain);
        address
    }

    pub(super) fn group(&self, index: usize) -> String {
        self.local(GROUPS.get(index).copied().unwrap_or("everyone"))
    }

    pub(super) fn alias(&self, index: usize) -> String {
        self.local(ALIASES.get(index).copied().unwrap_or("info"))
    }

    pub(super) fn local(&self, name: &str) -> String {
        format!("{name}@{}", self.domain)
    }

    pub(super) fn random_group(random: &mut Random) -> usize {
        random.index(GROUPS.len())
    }

    pub(super) fn random_alias(random: &mut Random) -> usize {
        random.index(ALIASES.len())
    }

    /// The users of a group, always the same.
    pub(super) fn group_members(&self, index: usize) -> Vec<u64> {
        let index = u64::try_from(index).unwrap_or(0);
        // Dice seeded by the group alone, so that its members do not depend on what was drawn
        // before.
        let mut dice = Random::new(index.wrapping_mul(0x51_7C_C1_B7).wrapping_add(17));
        let count = dice.between(2, 14).min(self.user_count.max(1));
        let first = dice.below(self.user_count.max(1));
        (0..count).map(|it| (first + it) % self.user_count.max(1)).collect()
    }

    /// The user who receives an alias's mail.
    pub(super) fn alias_owner(&self, index: usize) -> u64 {
        let index = u64::try_from(index).unwrap_or(0);
        (index * 7 + 3) % self.user_count.max(1)
    }

    pub(super) fn random_user(&self, random: &mut Random) -> u64 {
        random.skewed_below(self.user_count.max(1))
    }
}

/// An address outside the organization.
pub(super) fn far_address(random: &mut Random) -> String {
    let mut address = String::with_capacity(40);
    match random.below(20) {
        0..=13 => push_name(&mut address, random.skewed_below(3_000)),
        14 | 15 => address.push_str(random.pick(&["info", "sales", "no-reply", "newsletter"])),
        16 | 17 => {
            address.push_str("bounce+");
            random.push_hex(&mut address, 12);
        }
        18 => {
            push_name(&mut address, random.below(3_000));
            address.push_str("+work");
        }
        _ => {
            random.push_digits(&mut address, 9, b"abcdefghijklmnopqrstuvwxyz");
        }
    }
    address.push('@');
    push_far_domain(&mut address, random);
    address
}

fn push_far_domain(address: &mut String, random: &mut Random) {
    if random.chance(8_500) {
        let count = u64::try_from(FAR_DOMAINS.len()).unwrap_or(1);
        let index = usize::try_from(random.skewed_below(count)).unwrap_or(0);
        address.push_str(FAR_DOMAINS.get(index).copied().unwrap_or("far.example"));
    } else {
        // The long tail: domains that occur only a few times.
        address.push_str(random.pick(&LAST_NAMES));
        address.push('-');
        address.push_str(random.pick(&["gmbh", "ltd", "studio", "group", "consulting", "shop"]));
        address.push_str(".example");
    }
}

fn push_name(address: &mut String, index: u64) {
    let first_count = u64::try_from(FIRST_NAMES.len()).unwrap_or(1);
    let last_count = u64::try_from(LAST_NAMES.len()).unwrap_or(1);
    let round = index / (first_count * last_count);
    let first = usize::try_from(index % first_count).unwrap_or(0);
    // The last name advances with the first, so that neighbours differ in both.
    let last = usize::try_from((index / first_count + index) % last_count).unwrap_or(0);
    address.push_str(FIRST_NAMES.get(first).copied().unwrap_or("ana"));
    address.push('.');
    address.push_str(LAST_NAMES.get(last).copied().unwrap_or("ruiz"));
    if round > 0 {
        address.push_str(&round.to_string());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn users_are_distinct() {
        let organization = Organization { domain: "acme.example".to_owned(), user_count: 5_000 };
        let addresses: HashSet<String> = (0..5_000).map(|it| organization.user(it)).collect();
        assert_eq!(addresses.len(), 5_000);
    }

    #[test]
    fn groups_of_a_small_organization_have_distinct_members() {
        let organization = Organization { domain: "acme.example".to_owned(), user_count: 3 };
        for group in 0..GROUPS.len() {
            let members = organization.group_members(group);
            let distinct: HashSet<u64> = members.iter().copied().collect();
            assert_eq!(members.len(), distinct.len());
            assert!(!members.is_empty());
        }
    }
}
