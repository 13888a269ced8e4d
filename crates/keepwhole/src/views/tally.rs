//! How many requests to the guard stand how, and which. Kept up while the journal is followed: a page that looked at every
//! request would keep the sequencer waiting for as long.

use keepwhole_core::state::State;

use super::guard::RequestState;

/// One request as it stood when it was looked at last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Row {
    stands: Option<RequestState>,
    touched: bool,
}

/// All requests by where they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    rows: Vec<Row>,
    /// Numbers of requests, ascending, in the order of [`RequestState::ALL`].
    lists: [Vec<u32>; 7],
    /// Requests of which an entry told something since they were looked at, each once.
    touched: Vec<u32>,
}

fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Tally {
    /// Another request came; they are numbered in order.
    pub(super) fn made(&mut self) {
        let number = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.rows.push(Row::default());
        self.touch(number);
    }

    /// An entry told something of this request.
    pub(super) fn touch(&mut self, number: u32) {
        if let Some(row) = self.rows.get_mut(place(number))
            && !row.touched
        {
            row.touched = true;
            self.touched.push(number);
        }
    }

    /// Looks at the requests that were touched, in the state that the same entries led to.
    pub(super) fn settle(&mut self, state: &State) {
        for number in std::mem::take(&mut self.touched) {
            let request = state.guard.request_at(number);
            let row = self.rows.get_mut(place(number));
            let (Some(request), Some(row)) = (request, row) else {
                continue;
            };
            row.touched = false;
            let stands = RequestState::of(state, number, request);
            let before = row.stands.replace(stands);
            if before == Some(stands) {
                continue;
            }
            for (list, of) in self.lists.iter_mut().zip(RequestState::ALL) {
                match list.binary_search(&number) {
                    Ok(at) if Some(of) == before => {
                        list.remove(at);
                    }
                    Err(at) if of == stands => list.insert(at, number),
                    _ => {}
                }
            }
        }
    }

    /// How many stand how, in the order of [`RequestState::ALL`].
    pub(super) fn counts(&self) -> [u64; 7] {
        let count = |list: &Vec<u32>| u64::try_from(list.len()).unwrap_or(u64::MAX);
        self.lists.each_ref().map(count)
    }

    /// Numbers of at most `most` requests that stand as `only` says, the newest first, without the newest `from`; and how
    /// many stand so.
    pub(super) fn page(
        &self,
        only: Option<RequestState>,
        (from, most): (u64, u64),
    ) -> (Vec<u32>, u64) {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let lists = self.lists.iter().zip(RequestState::ALL);
        let list = lists.map(|(list, of)| (of, list));
        let mut list = list.filter(|(of, _)| Some(*of) == only);
        let (numbers, total) = match list.next() {
            Some((_, list)) => {
                let numbers = list.iter().rev().skip(from).take(most).copied();
                (numbers.collect(), list.len())
            }
            None => {
                let all = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
                let numbers = (0..all).rev().skip(from).take(most);
                (numbers.collect(), self.rows.len())
            }
        };
        (numbers, u64::try_from(total).unwrap_or(u64::MAX))
    }
}
