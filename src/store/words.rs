//! stub
/// stub
pub fn words(text: &str, mut emit: impl FnMut(&str, u32)) {
    let mut position = 0;
    for word in text.split(|it: char| !it.is_alphanumeric()).filter(|it| !it.is_empty()) {
        emit(&word.to_lowercase(), position);
        position += 1;
    }
}
