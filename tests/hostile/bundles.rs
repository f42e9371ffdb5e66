//! What an export writes: whoever is given it is not to be harmed by it either.

use super::*;

const BUNDLE: [&str; 7] = [
    "SHA256SUMS",
    "manifest.json",
    "messages.csv",
    "records.ndjson",
    "report.html",
    "timeline.csv",
    "timesketch.csv",
];

fn names_in(dir: &Path) -> Vec<String> {
    let name = |it: &PathBuf| it.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
    files_below(dir).iter().map(name).collect()
}

/// The options that an export may have, each with a name for what it makes.
fn kinds(key: &str) -> [(&'static str, Vec<&str>); 3] {
    [
        ("plain", vec![]),
        ("redacted", vec!["--redact", "all", "--redact-key", key]),
        ("kept", vec!["--redact", "addresses", "--redact-key", key, "--keep-domains"]),
    ]
}

#[test]
fn a_bundle_does_not_act() {
    let lab = Lab::new();
    let key = lab.file("key", "0123456789abcdef");
    for (index, (name, rest)) in kinds(&key).into_iter().enumerate() {
        let before = lab.tree();
        let out = lab.path(name);
        let arguments = [
            "export",
            "--case",
            HARMS[4 + index],
            "--out",
            out.to_str().unwrap(),
            "--query",
            "NOT subject:\"\u{1b}[35m\"",
        ];
        check_ended(name, &lab.run(&[&arguments[..], &rest].concat()).with(0));
        assert_eq!(names_in(&out), BUNDLE);
        let mut tree = lab.tree();
        tree.retain(|it| !it.starts_with(&out));
        assert_eq!(tree, before, "files outside of {name}");
        check_bundle(&out);
        let checked: Ended = mailtrace(&["verify", "--bundle"]).arg(&out).output().unwrap().into();
        check_ended("verify", &checked.with(0));
        let other = lab.path(&format!("store of {name}"));
        check_ended("import", &in_store(&other, &["import", out.to_str().unwrap()]).with(0));
    }
}

/// Checks each file of a bundle by what reads it.
fn check_bundle(dir: &Path) {
    for file in files_below(dir) {
        let what = format!("{}", file.display());
        let text = fs::read_to_string(&file).unwrap();
        let is_table = file.extension().is_some_and(|it| it == "csv");
        // The mark that tells spreadsheets the encoding is ours.
        let text = text.strip_prefix('\u{feff}').filter(|_| is_table).unwrap_or(&text);
        check(&what, text);
        match file.extension().and_then(|it| it.to_str()) {
            Some("csv") => check_cells(&what, text),
            Some("json" | "ndjson") => check_json(&what, text),
            Some("html") => {
                page::check_own(&page::read(text));
                assert!(text.len() < 8 << 20, "{what} has {} bytes", text.len());
            }
            _ => {}
        }
    }
}

/// What was harm is text in the report, and no less than that.
#[test]
fn the_report_shows_the_harm_as_text() {
    let lab = Lab::new();
    for (index, harm) in HARMS.into_iter().enumerate() {
        let out = lab.path(&format!("report-{index}"));
        let arguments =
            ["export", "--case", "c", "--out", out.to_str().unwrap(), &format!("mail-{index}")];
        lab.run(&arguments).with(0);
        let page = page::read(&fs::read_to_string(out.join("report.html")).unwrap());
        let visible = mailtrace::sanitise(harm);
        assert!(page.text.contains(visible.as_ref()), "{harm:?} in {}", page.text);
        check_bundle(&out);
    }
    let out = lab.path("homograph");
    lab.run(&["export", "--out", out.to_str().unwrap(), HARMS[12]]).with(0);
    let page = page::read(&fs::read_to_string(out.join("report.html")).unwrap());
    assert!(page.text.contains("ana@аcme.example [xn--cme-5cd.example] [mixed scripts]"));
    for name in ["messages.csv", "timeline.csv", "timesketch.csv", "records.ndjson"] {
        let text = fs::read_to_string(out.join(name)).unwrap();
        assert!(text.contains("ana@аcme.example") && !text.contains("[xn--"), "{name}");
    }
}

/// The titles of cases are written by those who ask, and pasted from mails.
#[test]
fn a_hostile_case_does_not_act() {
    let lab = Lab::new();
    for (index, harm) in typable().enumerate() {
        let out = lab.path(&format!("case-{index}.zip"));
        let case = format!("--case={harm}");
        let arguments = ["export", &case, "--out", out.to_str().unwrap(), "mail-0"];
        check_ended(harm, &lab.run(&arguments).with(0));
        let dir = lab.path(&format!("unpacked-{index}"));
        let mut archive = zip::ZipArchive::new(fs::File::open(&out).unwrap()).unwrap();
        fs::create_dir(&dir).unwrap();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).unwrap();
            let name = String::from_utf8(file.name_raw().to_vec()).unwrap();
            assert!(BUNDLE.contains(&name.as_str()), "{name}");
            std::io::copy(&mut file, &mut fs::File::create(dir.join(name)).unwrap()).unwrap();
        }
        check_bundle(&dir);
    }
}

#[test]
fn files_for_other_programs_do_not_act() {
    let lab = Lab::new();
    let before = lab.tree();
    let mut made = Vec::new();
    for shape in ["ecs", "ocsf", "parquet"] {
        let out = lab.path(&format!("out.{shape}"));
        let file = out.to_str().unwrap();
        check_ended(shape, &lab.run(&["export", "--as", shape, "--out", file]).with(0));
        if shape != "parquet" {
            let text = fs::read_to_string(&out).unwrap();
            check(shape, &text);
            check_json(shape, &text);
            let ended = lab.run(&["export", "--as", shape, "--out", "-"]).with(0);
            assert!(ended.stdout == text, "{shape}");
        }
        made.push(out);
    }
    let mut tree = lab.tree();
    tree.retain(|it| !made.contains(it));
    assert_eq!(tree, before);
}
