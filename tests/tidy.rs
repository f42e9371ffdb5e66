//! Checks the shape of the code itself: floors, file length, forgotten test files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The ground floor, lowest first: each may name those before it, and every other module all of
/// them.
const GROUND_FLOOR: &[&str] =
    &["limits", "shell", "causes", "temporary", "text", "json", "fs", "stop", "time"];

/// Which modules above the ground floor a module may import, lowest first.
///
/// A row may only name rows above it, so the graph cannot have a circle.
const MAY_USE: &[(&str, &[&str])] = &[
    ("event", &[]),
    ("audit", &[]),
    ("source", &[]),
    ("config", &["source"]),
    ("directory", &["event"]),
    ("aws", &["directory"]),
    ("store", &["directory", "audit", "event", "source"]),
    ("ingest", &["audit", "event", "source", "aws", "store"]),
    ("pull", &["directory", "audit", "event", "source", "aws", "store", "ingest"]),
    ("provisioning", &["directory", "aws", "store"]),
    ("query", &["audit", "event", "store"]),
    ("insights", &["audit", "event", "store", "query"]),
    ("trace", &["event", "directory", "store", "query"]),
    ("stats", &["audit", "event", "store", "query", "trace"]),
    ("access", &["audit", "directory", "store", "query", "stats"]),
    ("timeline", &["audit", "event", "directory", "store", "query", "trace", "access"]),
    ("triage", &["audit", "event", "store", "query", "trace", "stats"]),
    ("schema", &["audit", "event", "store"]),
    ("signing", &["source"]),
    (
        "render",
        &[
            "audit",
            "event",
            "directory",
            "store",
            "access",
            "timeline",
            "insights",
            "trace",
            "stats",
            "triage",
            "schema",
            "signing",
        ],
    ),
    ("export", &["audit", "event", "source", "store", "trace", "access", "render", "signing"]),
    (
        "cluster",
        &[
            "audit",
            "event",
            "directory",
            "aws",
            "store",
            "query",
            "trace",
            "access",
            "timeline",
            "export",
        ],
    ),
    ("synth", &["audit", "event", "source"]),
    (
        "serve",
        &[
            "audit",
            "event",
            "directory",
            "store",
            "query",
            "trace",
            "stats",
            "access",
            "timeline",
            "triage",
            "render",
            "export",
        ],
    ),
    (
        "cli",
        &[
            "config",
            "audit",
            "event",
            "source",
            "directory",
            "aws",
            "store",
            "ingest",
            "pull",
            "provisioning",
            "query",
            "insights",
            "timeline",
            "trace",
            "stats",
            "access",
            "triage",
            "render",
            "signing",
            "export",
            "cluster",
            "schema",
            "synth",
            "serve",
        ],
    ),
];

/// Dependencies that only some modules may name, so that replacing one stays a local change.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("anyhow", &["cli"]),
    ("clap", &["cli"]),
    ("simd_json", &["event", "source"]),
    ("aws_config", &["aws"]),
    ("aws_runtime", &["aws"]),
    ("aws_sdk_cloudwatchlogs", &["aws", "provisioning"]),
    ("aws_sdk_iam", &["provisioning"]),
    ("aws_sdk_s3", &["aws"]),
    ("aws_sdk_sso", &["aws"]),
    ("aws_sdk_sts", &["aws"]),
    ("aws_sdk_workmail", &["aws"]),
    ("aws_sigv4", &["aws"]),
    ("aws_smithy_http_client", &["aws"]),
    ("aws_types", &["aws"]),
    ("askama", &["serve"]),
    ("hyper", &["cluster", "serve"]),
    ("hyper_rustls", &["cluster"]),
    ("rustls", &["aws", "cluster", "serve"]),
    ("tokio_rustls", &["serve"]),
    ("tantivy", &["store", "query"]),
    ("minisign", &["signing"]),
    ("minisign_verify", &["signing"]),
    ("charset", &["event"]),
    ("regex", &["insights", "query"]),
    ("icu_properties", &["render"]),
    ("idna", &["event", "render"]),
    ("parquet", &["export"]),
    ("zip", &["source", "export"]),
];

/// Lines a source file may have, its tests included.
const FILE_LINES_MAX: usize = 500;

#[test]
fn the_floor_table_has_no_circle() {
    for (index, (module, uses)) in MAY_USE.iter().enumerate() {
        for used in *uses {
            let above = MAY_USE.iter().position(|(name, _)| name == used);
            assert!(above.is_some_and(|it| it < index), "{module} names {used}, not above it");
        }
    }
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let mut errors = Vec::new();
    for (path, text) in sources("src") {
        let Some(module) = top_module(&path) else { continue };
        let below: Vec<&str> = match GROUND_FLOOR.iter().position(|it| *it == module) {
            Some(place) => GROUND_FLOOR[..place].to_vec(),
            None => {
                let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
                    errors.push(format!("{}: `{module}` is not in MAY_USE", path.display()));
                    continue;
                };
                [GROUND_FLOOR, allowed].concat()
            }
        };
        for (line_index, line) in code_lines(&text) {
            let mut at = |what: String| {
                errors.push(format!("src/{}:{}: {what}", path.display(), line_index + 1));
            };
            for used in line.split("crate::").skip(1) {
                let used: String =
                    used.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect();
                if used.is_empty() {
                    at("write one `use crate::module::…` per module".to_owned());
                } else if used != module && !below.contains(&used.as_str()) {
                    at(format!("`{module}` may not use `{used}`"));
                }
            }
            for (dependency, modules) in ONLY_IN {
                if line.contains(&format!("{dependency}::")) && !modules.contains(&module.as_str())
                {
                    at(format!("only {modules:?} may use `{dependency}`"));
                }
            }
            if line.contains("super::super") {
                at("write `crate::…` instead of `super::super`".to_owned());
            }
        }
    }
    assert!(errors.is_empty(), "\n{}", errors.join("\n"));
}

#[test]
fn files_are_short() {
    let long: Vec<String> = ["src", "tests"]
        .into_iter()
        .flat_map(|dir| sources(dir).into_iter().map(move |(path, text)| (dir, path, text)))
        .map(|(dir, path, text)| (dir, path, text.lines().count()))
        .filter(|(_, _, line_count)| *line_count > FILE_LINES_MAX)
        .map(|(dir, path, line_count)| format!("{dir}/{}: {line_count} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "over {FILE_LINES_MAX} lines:\n{}", long.join("\n"));
}

/// What a command is made of names what stands below it: no two files of the command line need each
/// other, and none names the file that dispatches to them.
#[test]
fn the_command_line_has_no_circle() {
    let files: Vec<(String, String)> = sources("src/cli")
        .into_iter()
        .map(|(path, text)| (path.with_extension("").to_str().unwrap().to_owned(), text))
        .map(|(name, text)| (name.trim_end_matches("/mod").to_owned(), text))
        .collect();
    let names = |text: &str| -> BTreeSet<String> {
        let paths = text.split("crate::cli::").skip(1).flat_map(|it| {
            // Of `{a, b::c}`, each; of `a::b::C`, the longest that is a file.
            match it.strip_prefix('{') {
                Some(list) => list.split('}').next().unwrap().split(',').collect::<Vec<_>>(),
                None => vec![it.split([';', ' ', '(', ',', '\n']).next().unwrap()],
            }
        });
        let file_of = |path: &str| {
            let mut parts: Vec<&str> = path.trim().split("::").collect();
            while !parts.is_empty() && !files.iter().any(|(name, _)| *name == parts.join("/")) {
                parts.pop();
            }
            parts.join("/")
        };
        // A list over several lines ends in a comma, behind which is no path.
        paths.filter(|it| !it.trim().is_empty()).map(file_of).collect()
    };
    let named: BTreeMap<String, BTreeSet<String>> = files
        .iter()
        .filter(|(name, _)| name != "mod")
        .map(|(name, text)| (name.clone(), &names(text) - &BTreeSet::from([name.clone()])))
        .collect();
    let relative = files.iter().filter(|(_, it)| it.replace("super::*", "").contains("super::"));
    let relative: Vec<_> = relative.map(|(name, _)| name).collect();
    assert!(relative.is_empty(), "write `crate::cli::…`, which is looked at here: {relative:?}");
    let upward: Vec<_> = named.iter().filter(|(_, names)| names.contains("")).collect();
    assert!(upward.is_empty(), "they name what dispatches to them: {upward:?}");
    assert_no_circle(named);
}

/// Checks that rooms, each with those that it names, can be stacked: takes away whoever names none
/// that is left.
#[track_caller]
fn assert_no_circle(mut named: BTreeMap<String, BTreeSet<String>>) {
    assert!(named.values().any(|it| it.len() > 5), "none names others");
    loop {
        let left: BTreeSet<String> = named.keys().cloned().collect();
        named.retain(|_, names| !names.is_disjoint(&left));
        if named.len() == left.len() {
            break;
        }
    }
    assert!(named.is_empty(), "a circle, or above one: {named:#?}");
}

/// The rooms of the store, files and folders, stand above each other: no two need each other, and
/// none names the store's face, which names them all.
#[test]
fn the_store_has_no_circle() {
    let room = |path: &Path| path.iter().next().unwrap().to_str().unwrap().replace(".rs", "");
    let files: Vec<(PathBuf, String)> =
        sources("src/store").into_iter().filter(|(path, _)| !is_of_tests(path)).collect();
    let rooms: BTreeSet<String> = files.iter().map(|(path, _)| room(path)).collect();
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut of_face = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| room(path) != "mod") {
        let code: Vec<&str> = production_lines(text).map(|(_, line)| line).collect();
        let code = code.join("\n");
        let below = (path.iter().count() == 1).then_some("super::");
        for prefix in ["crate::store::"].into_iter().chain(below) {
            for rest in code.split(prefix).skip(1) {
                let names = match rest.strip_prefix('{') {
                    Some(list) => list.split('}').next().unwrap().split(',').collect(),
                    None => vec![rest],
                };
                for name in names.iter().map(|it| it.trim_start()).filter(|it| !it.is_empty()) {
                    let end = name.find(|it: char| !it.is_alphanumeric() && it != '_');
                    let name = &name[..end.unwrap_or(name.len())];
                    match rooms.contains(name) {
                        true if name != room(path) => {
                            named.entry(room(path)).or_default().insert(name.to_owned());
                        }
                        true => {}
                        false => of_face.push(format!("src/store/{}: {name}", path.display())),
                    }
                }
            }
        }
    }
    assert!(of_face.is_empty(), "name the file that defines it:\n{}", of_face.join("\n"));
    assert_no_circle(named);
}

/// What may stay of `unwrap_or_default()` outside of tests: each is what is meant where nothing is
/// there. What cannot be is an `expect` with the proof in its message, and what is damaged an error.
const DEFAULTS_MAX: usize = 60;

#[test]
fn what_cannot_be_is_no_silent_default() {
    let of_file = |(path, text): (PathBuf, String)| {
        let is_test = is_of_tests(&path);
        let is_default = |it: &(usize, &str)| !is_test && it.1.contains("unwrap_or_default");
        let lines: Vec<String> = production_lines(&text)
            .filter(is_default)
            .map(|(index, _)| format!("src/{}:{}", path.display(), index + 1))
            .collect();
        lines
    };
    let defaults: Vec<String> = sources("src").into_iter().flat_map(of_file).collect();
    assert!(defaults.len() <= DEFAULTS_MAX, "{}:\n{}", defaults.len(), defaults.join("\n"));
}

/// Modules whose types are words of a world of their own, so that the module's name is a part of
/// theirs.
const OWN_WORDS: &[&str] = &["insights", "synth"];

/// A type that more than its file can name has a name for itself.
#[test]
fn a_name_means_one_thing() {
    let mut places: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (path, text) in sources("src").iter().filter(|(path, _)| !is_of_tests(path)) {
        let world = top_module(path).filter(|it| OWN_WORDS.contains(&it.as_str()));
        for (index, line) in production_lines(text) {
            if let Some(name) = visible_type(line) {
                let place = format!("src/{}:{}", path.display(), index + 1);
                let key = (world.clone().unwrap_or_default(), name.to_owned());
                places.entry(key).or_default().push(place);
            }
        }
    }
    assert!(places.len() > 500, "{}", places.len());
    places.retain(|_, places| places.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}

/// The name of a type that this line declares for more than its file.
fn visible_type(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub")?;
    let rest = rest.strip_prefix('(').map_or(Some(rest), |it| it.split_once(')').map(|it| it.1))?;
    let (kind, rest) = rest.trim_start().split_once(' ')?;
    let name = rest.split(|it: char| !it.is_alphanumeric()).next()?;
    ["struct", "enum", "trait", "type", "union"].contains(&kind).then_some(name)
}

#[test]
fn no_test_file_is_forgotten() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let main = fs::read_to_string(tests.join("main.rs")).unwrap();
    let declared: BTreeSet<String> = main
        .lines()
        .filter_map(|it| it.strip_prefix("mod ")?.strip_suffix(';').map(str::to_owned))
        .collect();
    let present: BTreeSet<String> = fs::read_dir(&tests)
        .unwrap()
        .map(|it| it.unwrap().path())
        .filter(|it| it.extension().is_some_and(|ext| ext == "rs"))
        .map(|it| it.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|it| it != "main")
        .collect();
    assert!(present.is_subset(&declared), "not in tests/main.rs: {:?}", &present - &declared);
}

#[test]
fn what_only_tests_compile_is_left_out_wherever_it_stands() {
    let text = "a\n#[cfg(test)]\nuse x;\nb\nimpl T {\n    #[cfg(test)]\n    fn c(\n        &self,\n    ) {\n        d;\n    }\n    e\n}\n#[cfg(test)]\nmod tests {\n    f\n\n}\ng\n";
    let lines: Vec<&str> = production_lines(text).map(|(_, line)| line.trim()).collect();
    assert_eq!(lines, ["a", "b", "impl T {", "e", "}", "g"]);
}

/// The lines of code that are in the program.
fn production_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut test_indent = None;
    code_lines(text).filter(move |(_, line)| {
        let indent = line.len() - line.trim_start().len();
        if line.trim() == "#[cfg(test)]" {
            test_indent = Some(indent);
        }
        let is_of_test = test_indent.is_some();
        // An item ends where rustfmt puts its last sign: as far to the right as it began.
        if test_indent == Some(indent) && line.ends_with(['}', ';']) {
            test_indent = None;
        }
        !is_of_test
    })
}

fn is_of_tests(path: &Path) -> bool {
    path.iter().any(|it| it == "tests")
        || path.file_stem().is_some_and(|it| it.to_str().unwrap().ends_with("tests"))
}

fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn top_module(path: &Path) -> Option<String> {
    let first = path.iter().next()?.to_str()?.trim_end_matches(".rs");
    (!matches!(first, "main" | "lib")).then(|| first.to_owned())
}

/// Reads every `.rs` file under `dir`, with its path relative to `dir`.
fn sources(dir: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
    let mut found = Vec::new();
    let mut pending = vec![root.clone()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    found.sort();
    found
}
