//! Tables at fixed widths.

use insta::assert_snapshot;

use super::*;

fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = anstream::StripStream::new(Vec::new());
    write(&mut out).unwrap();
    String::from_utf8(out.into_inner()).unwrap()
}

#[test]
fn counts_stand_to_the_right_and_cells_are_sanitised() {
    let mut table = Table::new([Column::whole("RULE"), Column::number("COUNT")]);
    table.push(["Quarantine\u{1b}[2J".into(), "7".into()]);
    table.push(["日本".into(), "1200".into()]);
    assert_snapshot!(text(|out| table.write(80, out)), @r"
    RULE                 COUNT
    Quarantine\u{1b}[2J      7
    日本                  1200
    ");
}

#[test]
fn pairs_wrap_their_values() {
    let pairs = [("Log group", "/aws/x".to_owned()), ("Note", "word ".repeat(12))];
    assert_snapshot!(text(|out| write_pairs(&pairs, 2, 44, out)), @r"
    Log group  /aws/x
    Note       word word word word word word
               word word word word word word
    ");
}

#[test]
fn a_very_long_cell_does_not_widen_the_others() {
    let mut table = Table::new([Column::whole("ADDRESS"), Column::whole("OUTCOME")]);
    table.push([Cell::new(&"x".repeat(60)), "lost".into()]);
    table.push(["bob@acme.example".into(), "sent".into()]);
    assert_snapshot!(text(|out| table.write(80, out)), @r"
    ADDRESS                                           OUTCOME
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx  lost
    bob@acme.example                                  sent
    ");
}
