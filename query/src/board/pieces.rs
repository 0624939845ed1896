//! A long list that can be copied at once: it lies in pieces, and of two copies each keeps what the other changes.

use std::ops::Index;
use std::sync::Arc;

/// Of `N` items each but the last. A copy costs a pointer a piece, a change of a copied piece that piece.
#[derive(Clone, Debug)]
pub struct Pieces<T, const N: usize> {
    pieces: Vec<Arc<[T]>>,
}

impl<T: Clone, const N: usize> Pieces<T, N> {
    pub fn set(&mut self, index: usize, item: T) {
        Arc::make_mut(&mut self.pieces[index / N])[index % N] = item;
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }
}

impl<T, const N: usize> Index<usize> for Pieces<T, N> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        &self.pieces[index / N][index % N]
    }
}

impl<T, const N: usize> FromIterator<T> for Pieces<T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut items = items.into_iter();
        let piece = || {
            let piece: Arc<[T]> = items.by_ref().take(N).collect();
            (!piece.is_empty()).then_some(piece)
        };
        Self { pieces: std::iter::from_fn(piece).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_the_other_changes() {
        let mut pieces: Pieces<u32, 4> = (0..10).collect();
        let before = pieces.clone();
        pieces.set(9, 90);
        pieces.set(0, 1);
        assert_eq!(before.iter().copied().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        assert_eq!((pieces[0], pieces[5], pieces[9], before[9]), (1, 5, 90, 9));
        assert!(Pieces::<u32, 4>::from_iter([]).iter().next().is_none());
    }
}
