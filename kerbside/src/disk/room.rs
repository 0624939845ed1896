//! What is told of the room on a disk, and when intake stops and goes on: decided from two numbers and what was decided before.

/// Told once each on the way down, and again only after the room was a little larger in between.
const WARNED_OF_PERCENT: [u64; 3] = [20, 10, 5];
/// Percent of the disk that must be free beyond a limit before it can be crossed again.
const SLACK_PERCENT: u64 = 1;

/// Bytes of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    pub size: u64,
    /// What may still be written, beside the reserve.
    pub free: u64,
}

impl Space {
    fn free_percent(self) -> u64 {
        self.free.saturating_mul(100).checked_div(self.size).unwrap_or(100)
    }
}

/// What just changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Less than so many percent are free.
    Low(u64),
    /// The reserve is given up, and what devices send is refused.
    Full,
    /// There is room for the reserve and for readings again.
    RoomAgain,
}

/// As it was last judged.
#[derive(Debug)]
pub struct Room {
    /// Bytes that the reserve holds.
    reserve: u64,
    /// Intake stops while so much is left beside the reserve: a write that is under way does not meet a full disk.
    margin: u64,
    /// The lowest of [`WARNED_OF_PERCENT`] that was told; 100 for none.
    told: u64,
    pub is_full: bool,
}

impl Room {
    pub fn new(reserve: u64, margin: u64) -> Self {
        Self { reserve, margin, told: 100, is_full: false }
    }

    pub fn margin(&self) -> u64 {
        self.margin
    }

    /// `refused`: a write just met a full disk, whatever the numbers say.
    pub fn look(&mut self, space: Space, refused: bool) -> Vec<Change> {
        let mut changes = Vec::new();
        let free = space.free_percent();
        let lowest = WARNED_OF_PERCENT.into_iter().filter(|percent| free < *percent).min();
        match lowest {
            Some(percent) if percent < self.told => {
                self.told = percent;
                changes.push(Change::Low(percent));
            }
            _ if free >= self.told.saturating_add(SLACK_PERCENT) => self.told = lowest.unwrap_or(100),
            _ => {}
        }
        if !self.is_full && (refused || space.free < self.margin) {
            self.is_full = true;
            changes.push(Change::Full);
        } else if self.is_full && space.free >= self.reserve + 2 * self.margin {
            self.is_full = false;
            changes.push(Change::RoomAgain);
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(room: &mut Room, free: u64) -> Vec<Change> {
        room.look(Space { size: 1_000, free }, false)
    }

    #[test]
    fn each_limit_is_told_once_on_the_way_down_and_again_after_there_was_more() {
        let mut room = Room::new(8, 2);
        let told: Vec<_> =
            [300, 195, 190, 99, 101, 98, 40, 45, 300, 150].into_iter().map(|free| looked(&mut room, free)).collect();
        let expected = [&[][..], &[20], &[], &[10], &[], &[], &[5], &[], &[], &[20]];
        assert_eq!(told, expected.map(|percents| percents.iter().map(|percent| Change::Low(*percent)).collect::<Vec<_>>()));
    }

    #[test]
    fn intake_stops_before_the_last_byte_and_goes_on_when_the_reserve_fits_again() {
        let mut room = Room::new(80, 20);
        assert_eq!(looked(&mut room, 10), [Change::Low(5), Change::Full]);
        // The reserve was given up.
        assert_eq!(looked(&mut room, 90), []);
        assert_eq!(looked(&mut room, 119), []);
        assert_eq!(looked(&mut room, 120), [Change::RoomAgain]);
        assert!(!room.is_full);
    }

    #[test]
    fn a_disk_without_a_reserve_is_watched_all_the_same() {
        let mut room = Room::new(0, 20);
        assert_eq!(looked(&mut room, 10), [Change::Low(5), Change::Full]);
        assert_eq!(looked(&mut room, 40), [Change::RoomAgain]);
    }

    #[test]
    fn a_write_that_met_a_full_disk_counts_more_than_numbers() {
        let mut room = Room::new(8, 2);
        assert_eq!(room.look(Space { size: 1_000, free: 900 }, true), [Change::Full]);
        assert_eq!(room.look(Space { size: 0, free: 0 }, true), []);
    }
}
