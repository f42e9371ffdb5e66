//! A configuration file that somebody else wrote.

use super::*;

/// Runs a command with a configuration file where the program looks for one.
fn with_config(dir: &Path, config: &str, arguments: &[&str]) -> Ended {
    let path = dir.join("mailtrace/config.toml");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, config).unwrap();
    let mut command = mailtrace(arguments);
    command.env("XDG_CONFIG_HOME", dir).env("HOME", dir).arg("--store").arg(dir.join("store"));
    command.output().unwrap().into()
}

#[test]
fn a_hostile_configuration_does_not_act() {
    let dir = tempfile::tempdir().unwrap();
    let quoted = |text: &str| {
        let escape = |it: char| format!("\\U{:08x}", u32::from(it));
        let escaped: String = text.chars().map(escape).collect();
        format!("\"{escaped}\"")
    };
    for harm in HARMS {
        let name = quoted(harm);
        for config in [
            format!("[sources.{name}]\norganization = {name}\n[queries]\n{name} = {name}\n"),
            format!("[sources.{name}]\norganization = {name}\nlog-group = {name}\n"),
            format!("{name} = 1\n"),
            format!("[sources.a]\n{name} = 1\n"),
            format!("[sources.a]\norganization = [{name}]\n"),
            format!("[sources.{name}]\nlog-group = {}\n", quoted(&format!("arn:{harm}"))),
            format!("[queries]\n{name} = 1\n"),
            format!("[queries]\nq = {}\n", quoted(&format!("--{harm}"))),
            format!("[queries]\nq = {}\n", quoted(&format!("--from '{harm}"))),
            format!("[queries]\nq = {}\n", quoted(&format!("--outcome \"{harm}\""))),
            format!("x = {harm}"),
            format!("[{harm}]\n[{harm}]\n"),
        ] {
            let is_source = config.contains("arn:") || config.contains("\\U00000061\\U00000072");
            for arguments in [
                &["messages", "@none"][..],
                &["messages", "@q"],
                &["triage", "@q"],
                &["export", "--out", "/dev/null/x", "@q"],
                &["pull", "none"],
            ] {
                if is_source && arguments[0] == "pull" {
                    continue;
                }
                let ended = with_config(dir.path(), &config, arguments).with(2);
                check_ended(&format!("{arguments:?} with {config:?}"), &ended);
                assert_eq!(ended.stdout, "");
            }
        }
    }
}

/// What is too much is refused, and neither memory nor stack gives way.
#[test]
fn a_pathological_configuration_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (deep, doubling) = (100_000, 16);
    let mut laughs = "a0 = 'ha'\n".to_owned();
    for level in 1..doubling {
        let earlier = format!("'{}'", "ha".repeat(1 << level));
        laughs.push_str(&format!("a{level} = [{earlier}, {earlier}]\n"));
    }
    for config in [
        "x".repeat(2 << 20),
        "#".repeat(2 << 20),
        format!("x = {}1{}", "[".repeat(deep), "]".repeat(deep)),
        format!("x = {}1{}", "{a=".repeat(deep), "}".repeat(deep)),
        format!("{}x = 1", "a.".repeat(deep)),
        format!("[{}x]", "a.".repeat(deep)),
        (0..20_000).map(|it| format!("[sources.s{it}.x]\n")).collect(),
        format!("x = {}", "9".repeat(400)),
        "x = 1e999\ny = -0\nz = 9223372036854775808".to_owned(),
        "[sources.a]\n[sources.a]\n".to_owned(),
        "[queries]\nq = 'a'\nq = 'b'\n".to_owned(),
        laughs,
    ] {
        let ended = with_config(dir.path(), &config, &["messages", "@q"]).with(2);
        assert!(ended.stderr.starts_with("error: "), "{ended:#?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:#?}");
        check_ended(&config[..config.len().min(60)], &ended);
    }
    // Devices never end, and a directory is no file.
    for path in ["/dev/zero", "/dev/null/x", "/"] {
        let ended: Ended = mailtrace(&["pull", "none", "--config", path]).output().unwrap().into();
        check_ended(path, &ended.with(2));
    }
}
