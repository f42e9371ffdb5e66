#!/usr/bin/env bash
# Looks for inputs that do harm, with each fuzz target for a bounded time:
#   tests/fuzz/run.sh [SECONDS] [TARGET...]      20 seconds each, and all targets, by default
# It begins with the kept inputs and the samples, and leaves nothing behind but what it finds. It
# exits with 1 when something was found, and names the file.
#
# FUZZ_SANITIZER=none makes building and running faster, and sees less; FUZZ_WORK is where inputs
# grow and findings are put, CARGO_TARGET_DIR where programs are built.
set -euo pipefail

# The limits of one run: inputs are small, so whatever takes more has gone wrong, even on a busy machine.
input_bytes_max=4096
input_seconds_max=30
memory_mb_max=2048

seconds=20
if [[ "${1:-}" =~ ^[0-9]+$ ]]; then
  seconds="$1"
  shift
fi

missing() {
  echo "error: $1" >&2
  echo "hint: $2" >&2
  exit 2
}
command -v cargo >/dev/null || missing "there is no cargo" "install Rust: https://rustup.rs"
cargo +nightly --version >/dev/null 2>&1 \
  || missing "there is no nightly toolchain" "rustup toolchain install nightly --profile minimal"
cargo fuzz --version >/dev/null 2>&1 \
  || missing "there is no cargo-fuzz" "cargo install cargo-fuzz --locked"

cd "$(dirname "$0")/../.."
root="$PWD"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$root/target/fuzz}"
work="${FUZZ_WORK:-$root/target/fuzz-work}"
options=(--fuzz-dir tests/fuzz --sanitizer "${FUZZ_SANITIZER:-address}")

targets=("$@")
[ "${#targets[@]}" -gt 0 ] || mapfile -t targets < <(ls tests/fuzz/corpus)

cargo +nightly fuzz build "${options[@]}" || missing "the fuzz targets do not build" "see above"

found=()
for target in "${targets[@]}"; do
  [ -f "tests/fuzz/targets/$target.rs" ] || missing "there is no target $target" "the targets are: $(ls tests/fuzz/corpus | xargs)"
  corpus="$work/corpus/$target"
  findings="$work/findings/$target"
  rm -rf "$corpus"
  mkdir -p "$corpus" "$findings"
  cp "tests/fuzz/corpus/$target"/* "$corpus/"
  case "$target" in
    # What takes whole files begins with those that are whole.
    bytes) find samples -type f -size -8k -exec cp {} "$corpus/" \; ;;
  esac
  begun="$work/$target.begun"
  touch "$begun"
  echo "== $target, $seconds s"
  if ! cargo +nightly fuzz run "${options[@]}" "$target" "$corpus" -- \
    -max_total_time="$seconds" -max_len="$input_bytes_max" -timeout="$input_seconds_max" \
    -rss_limit_mb="$memory_mb_max" -artifact_prefix="$findings/" -print_final_stats=1 \
    >"$work/$target.log" 2>&1; then
    found+=("$target")
    tail -n 40 "$work/$target.log"
    echo "FOUND by $target: $(find "$findings" -type f -newer "$begun" | xargs) (log: $work/$target.log)"
  else
    grep -E "^stat::(number_of_executed_units|average_exec_per_sec|new_units_added|peak_rss_mb)" "$work/$target.log" || true
  fi
  rm -rf "$corpus"
done

if [ "${#found[@]}" -gt 0 ]; then
  echo "error: found something in: ${found[*]}" >&2
  echo "hint: mend it, then put the input into tests/fuzz/corpus/TARGET/ under a name that says what it is" >&2
  exit 1
fi
echo "nothing found in ${#targets[@]} targets"
