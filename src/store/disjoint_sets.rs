//! Which of many things belong together.

/// Union-find over the numbers below a count: each set is known by its least number.
pub(crate) struct DisjointSets(Vec<u32>);

impl DisjointSets {
    /// Each number alone.
    pub(crate) fn new(count: u32) -> Self {
        Self((0..count).collect())
    }

    /// The number that stands for the set of `element`.
    pub(crate) fn root(&mut self, mut element: u32) -> u32 {
        while let Some(&parent) = self.0.get(element as usize)
            && parent != element
        {
            let grandparent = self.0.get(parent as usize).copied().unwrap_or(parent);
            if let Some(slot) = self.0.get_mut(element as usize) {
                *slot = grandparent;
            }
            element = grandparent;
        }
        element
    }

    /// Makes one set of the sets of two numbers.
    pub(crate) fn unite(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        if let Some(slot) = self.0.get_mut(one.max(other) as usize) {
            *slot = one.min(other);
        }
    }
}
