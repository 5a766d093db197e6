//! Where the cards of a diagram lie, and how arrows run between them: in layers, from the top down
//! (Sugiyama, Tagawa & Toda 1981).
//!
//! A card without arrows into it and with one out of it, such as a weight, stands beside the card that it
//! goes into, and the two are one *block*. Blocks are put in layers, below all from which arrows lead to them;
//! an arrow over several layers holds a place of its own in each of those between. Then a few sweeps down
//! and up put what belongs together under each other.

/// Space between neighbours in a layer, between layers, and between a card and those beside it.
const APART: f64 = 46.0;
const BELOW: f64 = 46.0;
const BESIDE: f64 = 34.0;

/// Sweeps after which nothing moves any more in graphs that one can read.
const SWEEPS: usize = 24;

type Place = (f64, f64);

/// Places from the top left, in pixels.
pub(super) struct Layers {
    pub(super) width: f64,
    pub(super) height: f64,
    /// The top left corner of each card.
    pub(super) cards: Vec<Place>,
    /// Each arrow as a line through points.
    pub(super) arrows: Vec<Vec<Place>>,
}

/// Something with a place in a layer: a block of cards, or an arrow that passes through.
struct Slot {
    layer: usize,
    /// The card in the middle of its way; none for an arrow.
    card: Option<usize>,
    /// Cards on the left of it.
    beside: Vec<usize>,
    /// From the middle of the card to the left and right edges of the block.
    reach: [f64; 2],
    height: f64,
    above: Vec<usize>,
    below: Vec<usize>,
    /// The middle of the card.
    x: f64,
}

impl Layers {
    /// Arranges cards of these sizes so that every arrow, a pair of cards, points downwards, or from the left
    /// to the right.
    ///
    /// # Panics
    /// If an arrow points from a card to one that comes before it.
    pub(super) fn new(sizes: &[(f64, f64)], arrows: &[(usize, usize)]) -> Layers {
        let forward = arrows.iter().all(|(from, to)| from < to && *to < sizes.len());
        assert!(forward, "layers: arrows {arrows:?} between {} cards", sizes.len());
        let mut slots: Vec<Slot> = Vec::new();
        let slot_of = blocks(sizes, arrows, &mut slots);
        // The slots that each arrow goes through, from first to last; one alone within a block.
        let ways: Vec<Vec<usize>> =
            arrows.iter().map(|&(from, to)| way(slot_of[from], slot_of[to], &mut slots)).collect();
        let mut layers: Vec<Vec<usize>> = Vec::new();
        for (number, slot) in slots.iter().enumerate() {
            layers.resize(layers.len().max(slot.layer + 1), Vec::new());
            layers[slot.layer].push(number);
        }
        order(&mut layers, &slots);
        for sweep in 0..SWEEPS {
            settle(&layers, &mut slots, sweep % 2 == 0);
        }
        place(sizes, arrows, &layers, &slots, &ways)
    }
}

/// Fills `slots` with blocks and says in which of them each card is.
fn blocks(sizes: &[(f64, f64)], arrows: &[(usize, usize)], slots: &mut Vec<Slot>) -> Vec<usize> {
    let degree = |card: usize| {
        let into = arrows.iter().filter(|(_, to)| *to == card).count();
        let out: Vec<usize> =
            arrows.iter().filter(|(from, _)| *from == card).map(|(_, to)| *to).collect();
        (into, out)
    };
    let host = |card: usize| match degree(card) {
        (0, out) if out.len() == 1 => Some(out[0]),
        _ => None,
    };
    let mut slot_of = vec![usize::MAX; sizes.len()];
    for card in (0..sizes.len()).filter(|&card| host(card).is_none()) {
        let beside: Vec<usize> = (0..card).filter(|&other| host(other) == Some(card)).collect();
        let column = beside.iter().map(|&i| sizes[i].0).fold(0.0, f64::max);
        let room = if beside.is_empty() { 0.0 } else { column + BESIDE };
        let stack: f64 = beside.iter().map(|&i| sizes[i].1 + 10.0).sum();
        let above: Vec<usize> = arrows
            .iter()
            .filter(|(from, to)| *to == card && !beside.contains(from))
            .map(|(from, _)| slot_of[*from])
            .collect();
        beside.iter().for_each(|&other| slot_of[other] = slots.len());
        slot_of[card] = slots.len();
        let (width, height) = sizes[card];
        slots.push(Slot {
            layer: above.iter().map(|&above| slots[above].layer + 1).max().unwrap_or(0),
            card: Some(card),
            beside,
            reach: [width / 2.0 + room, width / 2.0],
            height: height.max(stack - 10.0),
            above: Vec::new(),
            below: Vec::new(),
            x: 0.0,
        });
    }
    slot_of
}

/// The slots from one to another, with new ones in the layers between.
fn way(from: usize, to: usize, slots: &mut Vec<Slot>) -> Vec<usize> {
    let mut way = vec![from];
    if from == to {
        return way;
    }
    for layer in slots[from].layer + 1..slots[to].layer {
        way.push(slots.len());
        slots.push(Slot {
            layer,
            card: None,
            beside: Vec::new(),
            reach: [0.0; 2],
            height: 0.0,
            above: Vec::new(),
            below: Vec::new(),
            x: 0.0,
        });
    }
    way.push(to);
    for pair in way.windows(2) {
        slots[pair[0]].below.push(pair[1]);
        slots[pair[1]].above.push(pair[0]);
    }
    way
}

/// Orders each layer by the mean position of its neighbours, down and up in turn: few arrows cross then.
fn order(layers: &mut [Vec<usize>], slots: &[Slot]) {
    let mut position = vec![0.0; slots.len()];
    let count = layers.len();
    for sweep in 0..SWEEPS {
        for step in 0..count {
            let down = sweep % 2 == 0;
            let layer = &mut layers[if down { step } else { count - 1 - step }];
            let key = |&slot: &usize| {
                let near = if down { &slots[slot].above } else { &slots[slot].below };
                let sum: f64 = near.iter().map(|&other| position[other]).sum();
                if near.is_empty() { position[slot] } else { sum / near.len() as f64 }
            };
            let mut keyed: Vec<(f64, usize)> =
                layer.iter().map(|slot| (key(slot), *slot)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            *layer = keyed.into_iter().map(|(_, slot)| slot).collect();
            let last = layer.len().max(2) as f64 - 1.0;
            layer.iter().enumerate().for_each(|(i, &slot)| position[slot] = i as f64 / last);
        }
    }
}

/// Moves every slot towards the mean of its neighbours above (or below), as near as the others of its layer
/// let it.
fn settle(layers: &[Vec<usize>], slots: &mut [Slot], down: bool) {
    let count = layers.len();
    for step in 0..count {
        let layer = &layers[if down { step } else { count - 1 - step }];
        let wish = |slot: &Slot| {
            let near = if down { &slot.above } else { &slot.below };
            let sum: f64 = near.iter().map(|&other| slots[other].x).sum();
            if near.is_empty() { slot.x } else { sum / near.len() as f64 }
        };
        // Groups that touch: where the first would be, how many there are, and the sum of where each would
        // have the first.
        let mut offset = 0.0;
        let mut groups: Vec<(f64, f64)> = Vec::new();
        let mut offsets = Vec::new();
        for (i, &slot) in layer.iter().enumerate() {
            if i > 0 {
                offset += slots[layer[i - 1]].reach[1] + APART + slots[slot].reach[0];
            }
            offsets.push(offset);
            let mut group = (1.0, wish(&slots[slot]) - offset);
            while let Some(last) = groups.last().filter(|last| last.1 / last.0 > group.1 / group.0)
            {
                group = (group.0 + last.0, group.1 + last.1);
                groups.pop();
            }
            groups.push(group);
        }
        let firsts = groups.iter().flat_map(|(n, sum)| std::iter::repeat_n(sum / n, *n as usize));
        for ((&slot, offset), first) in layer.iter().zip(offsets).zip(firsts) {
            slots[slot].x = first + offset;
        }
    }
}

fn place(
    sizes: &[(f64, f64)],
    arrows: &[(usize, usize)],
    layers: &[Vec<usize>],
    slots: &[Slot],
    ways: &[Vec<usize>],
) -> Layers {
    let left = slots.iter().map(|slot| slot.x - slot.reach[0]).fold(f64::INFINITY, f64::min);
    let right = slots.iter().map(|slot| slot.x + slot.reach[1]).fold(f64::NEG_INFINITY, f64::max);
    let mut cards = vec![(0.0, 0.0); sizes.len()];
    let (mut tops, mut top) = (Vec::new(), 0.0);
    for layer in layers {
        let height = layer.iter().map(|&slot| slots[slot].height).fold(0.0, f64::max);
        for slot in layer.iter().map(|&slot| &slots[slot]) {
            let Some(card) = slot.card else { continue };
            let middle = top + height / 2.0;
            cards[card] = (slot.x - left - sizes[card].0 / 2.0, middle - sizes[card].1 / 2.0);
            let stack: f64 = slot.beside.iter().map(|&i| sizes[i].1 + 10.0).sum::<f64>() - 10.0;
            let mut y = middle - stack / 2.0;
            for &other in &slot.beside {
                cards[other] = (cards[card].0 - BESIDE - sizes[other].0, y);
                y += sizes[other].1 + 10.0;
            }
        }
        tops.push((top, top + height));
        top += height + BELOW;
    }
    let arrow = |(&(from, to), way): (&(usize, usize), &Vec<usize>)| {
        let edge = |card: usize, along: f64, down: f64| {
            (cards[card].0 + along * sizes[card].0, cards[card].1 + down * sizes[card].1)
        };
        if way.len() == 1 {
            let start = edge(from, 1.0, 0.5);
            // As level as the height of the card allows.
            let (low, high) = (edge(to, 0.0, 0.15).1, edge(to, 0.0, 0.85).1);
            return vec![start, (edge(to, 0.0, 0.0).0, start.1.clamp(low, high))];
        }
        let mut points = vec![edge(from, 0.5, 1.0)];
        for &slot in &way[1..way.len() - 1] {
            let (top, bottom) = tops[slots[slot].layer];
            points.extend([(slots[slot].x - left, top), (slots[slot].x - left, bottom)]);
        }
        points.push(edge(to, 0.5, 0.0));
        points
    };
    Layers {
        width: (right - left).max(0.0),
        height: (top - BELOW).max(0.0),
        arrows: arrows.iter().zip(ways).map(arrow).collect(),
        cards,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_point_down_or_right_and_cards_do_not_touch() {
        // A diamond with a long side, and two weights of card 5.
        let sizes = [
            (120.0, 40.0),
            (200.0, 60.0),
            (80.0, 30.0),
            (90.0, 90.0),
            (50.0, 20.0),
            (100.0, 50.0),
            (90.0, 40.0),
        ];
        let arrows = [(0, 1), (0, 2), (1, 5), (2, 5), (3, 5), (4, 5), (5, 6), (0, 6)];
        let layers = Layers::new(&sizes, &arrows);
        let edges = |i: usize| {
            let ((x, y), (width, height)) = (layers.cards[i], sizes[i]);
            (x, y, x + width, y + height)
        };
        for i in 0..sizes.len() {
            let (left, top, right, bottom) = edges(i);
            assert!(left >= -1e-9 && top >= -1e-9, "{i}: {left} {top}");
            assert!(right <= layers.width + 1e-9 && bottom <= layers.height + 1e-9, "{i}");
            for j in 0..i {
                let (l, t, r, b) = edges(j);
                assert!(r <= left || right <= l || b <= top || bottom <= t, "{i} and {j}");
            }
        }
        for (&(from, to), path) in arrows.iter().zip(&layers.arrows) {
            let ((_, _, from_right, below), (to_left, above, _, _)) = (edges(from), edges(to));
            let (first, last) = (path[0], path[path.len() - 1]);
            if [3, 4].contains(&from) {
                assert_eq!((first.0, last.0), (from_right, to_left), "{from}");
                assert!(from_right < to_left, "{from} lies on the left of {to}");
            } else {
                assert_eq!((first.1, last.1), (below, above), "{from} to {to}");
                assert!(below < above, "{from} lies above {to}");
            }
        }
    }

    #[test]
    fn a_long_arrow_goes_around_the_cards_between() {
        let sizes = [(50.0, 20.0); 4];
        let layers = Layers::new(&sizes, &[(0, 1), (1, 2), (2, 3), (0, 3)]);
        let way = &layers.arrows[3];
        assert_eq!(way.len(), 6);
        for (x, y) in &way[1..5] {
            let inside = |(left, top): &(f64, f64)| {
                (*left..=left + 50.0).contains(x) && (*top..=top + 20.0).contains(y)
            };
            assert!(!layers.cards[1..3].iter().any(inside), "{way:?}");
        }
    }

    #[test]
    fn nothing_takes_no_room() {
        let layers = Layers::new(&[], &[]);
        assert_eq!((layers.width, layers.height), (0.0, 0.0));
    }
}
