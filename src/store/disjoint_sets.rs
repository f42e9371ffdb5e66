//! Disjoint sets: which of many things belong together.

/// Union-find over the numbers below a count; each set is represented by its least number.
pub(crate) struct DisjointSets(Vec<u32>);

impl DisjointSets {
    /// A set for each number alone.
    pub(crate) fn new(count: u32) -> Self {
        Self((0..count).collect())
    }

    /// The number that represents the set of `element`.
    pub(crate) fn root(&mut self, mut element: u32) -> u32 {
        while let Some(&parent) = self.0.get(element as usize)
            && parent != element
        {
            // Path halving: each look-up shortens the path, in one pass and without recursion.
            let grandparent = self.0.get(parent as usize).copied().unwrap_or(parent);
            if let Some(slot) = self.0.get_mut(element as usize) {
                *slot = grandparent;
            }
            element = grandparent;
        }
        element
    }

    /// Unites the sets of two numbers.
    pub(crate) fn unite(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        // The least number is the root, so the result does not depend on the order of unions. A
        // number that is none of the elements unites nothing.
        if let Some(slot) = self.0.get_mut(one.max(other) as usize) {
            *slot = one.min(other);
        }
    }
}
