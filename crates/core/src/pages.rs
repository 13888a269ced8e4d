//! Running totals by owner and asset, in pages of 64 owners: each page keeps its owners' holdings one behind the other in
//! columns, so that a customer with four assets costs about 145 bytes, and no growth copies more than a page.

use crate::book::Totals;
use crate::registry::{AssetIx, OwnerIx};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};

/// Owners of a page.
const OWNERS: usize = 64;
/// Holdings that a page has room for beyond what it needs, when it grows.
const SPARE: usize = 16;
/// Holdings up to this many are searched one by one.
const FEW: usize = 8;

/// The holdings of 64 owners, in order of owner and asset.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Page {
    /// Where each owner's holdings end.
    ends: [u32; OWNERS],
    assets: Vec<AssetIx>,
    totals: Vec<Totals>,
}

impl Page {
    const fn new() -> Self {
        Self {
            ends: [0; OWNERS],
            assets: Vec::new(),
            totals: Vec::new(),
        }
    }

    /// First holding of the owner in that lane, and the one after the last.
    fn span(&self, lane: usize) -> (usize, usize) {
        let end = |lane: usize| {
            self.ends
                .get(lane)
                .and_then(|end| usize::try_from(*end).ok())
                .unwrap_or(0)
        };
        (lane.checked_sub(1).map_or(0, end), end(lane))
    }

    /// Where the holding is, or where it would stand.
    fn search(&self, lane: usize, asset: AssetIx) -> Result<usize, usize> {
        let (start, end) = self.span(lane);
        let assets = self.assets.get(start..end).unwrap_or(&[]);
        let found = if assets.len() <= FEW {
            match assets.iter().position(|known| *known >= asset) {
                Some(at) if assets.get(at) == Some(&asset) => Ok(at),
                Some(at) => Err(at),
                None => Err(assets.len()),
            }
        } else {
            assets.binary_search(&asset)
        };
        found
            .map(|at| start.saturating_add(at))
            .map_err(|at| start.saturating_add(at))
    }

    fn insert(&mut self, lane: usize, at: usize, asset: AssetIx, totals: Totals) {
        if self.assets.len() == self.assets.capacity() {
            let spare = SPARE.max(self.assets.len() / 8);
            self.assets.reserve_exact(spare);
            self.totals.reserve_exact(spare);
        }
        self.assets.insert(at, asset);
        self.totals.insert(at, totals);
        for end in self.ends.iter_mut().skip(lane) {
            *end = end.saturating_add(1);
        }
    }

    fn bytes(&self) -> usize {
        let assets = self.assets.capacity().saturating_mul(2);
        let totals = self.totals.capacity();
        size_of::<Self>()
            .saturating_add(assets)
            .saturating_add(totals.saturating_mul(size_of::<Totals>()))
    }
}

/// All holdings.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Pages {
    pages: Vec<Page>,
    /// Owners up to the last that holds or held something.
    owners: usize,
}

impl Pages {
    fn page(&self, owner: OwnerIx) -> Option<(&Page, usize)> {
        let place = owner.place();
        Some((self.pages.get(place / OWNERS)?, place % OWNERS))
    }

    /// Running totals of an owner in an asset.
    pub(crate) fn totals(&self, owner: OwnerIx, asset: AssetIx) -> Totals {
        self.page(owner)
            .and_then(|(page, lane)| page.totals.get(page.search(lane, asset).ok()?))
            .copied()
            .unwrap_or_default()
    }

    /// Reads where the owner's holdings are, so that several reads can be under way at once.
    pub(crate) fn touch(&self, owner: OwnerIx) -> u32 {
        self.page(owner).map_or(0, |(page, lane)| {
            let (start, end) = page.span(lane);
            u32::from(start == end) ^ u32::from(page.assets.is_empty())
        })
    }

    /// Reads which asset the first of the owner's holdings is of, in the same way.
    pub(crate) fn touch_assets(&self, owner: OwnerIx) -> u32 {
        self.page(owner).map_or(0, |(page, lane)| {
            let first = page.assets.get(page.span(lane).0);
            first.map_or(0, |asset| u32::from(asset.0))
        })
    }

    /// Where the owner's holding of an asset is, until the next is added.
    pub(crate) fn place(&self, owner: OwnerIx, asset: AssetIx) -> Option<usize> {
        let (page, lane) = self.page(owner)?;
        page.search(lane, asset).ok()
    }

    /// The totals of the owner's holding at that place.
    pub(crate) fn at(&self, owner: OwnerIx, place: usize) -> Totals {
        let page = self.page(owner).map(|(page, _)| page);
        let totals = page.and_then(|page| page.totals.get(place));
        totals.copied().unwrap_or_default()
    }

    /// All holdings of an owner, by asset.
    pub(crate) fn of(&self, owner: OwnerIx) -> impl Iterator<Item = (AssetIx, Totals)> + '_ {
        let (page, (start, end)) = match self.page(owner) {
            Some((page, lane)) => (Some(page), page.span(lane)),
            None => (None, (0, 0)),
        };
        let assets = page.and_then(|page| page.assets.get(start..end));
        let totals = page.and_then(|page| page.totals.get(start..end));
        let totals = totals.unwrap_or(&[]).iter().copied();
        assets.unwrap_or(&[]).iter().copied().zip(totals)
    }

    /// All holdings of an asset, by owner.
    pub(crate) fn in_asset(&self, asset: AssetIx) -> impl Iterator<Item = (OwnerIx, Totals)> + '_ {
        self.pages
            .iter()
            .enumerate()
            .flat_map(move |(number, page)| {
                let first = number.saturating_mul(OWNERS);
                (0..OWNERS).filter_map(move |lane| {
                    let at = page.search(lane, asset).ok()?;
                    let owner = OwnerIx::next(first.saturating_add(lane))?;
                    Some((owner, *page.totals.get(at)?))
                })
            })
    }

    /// The totals of an owner in an asset, to change them.
    pub(crate) fn slot(&mut self, owner: OwnerIx, asset: AssetIx) -> Option<&mut Totals> {
        let (number, lane) = (owner.place() / OWNERS, owner.place() % OWNERS);
        if self.pages.len() <= number {
            self.pages.resize(number.saturating_add(1), Page::new());
        }
        self.owners = self.owners.max(owner.place().saturating_add(1));
        let page = self.pages.get_mut(number)?;
        let at = match page.search(lane, asset) {
            Ok(at) => at,
            Err(at) => {
                page.insert(lane, at, asset, Totals::default());
                at
            }
        };
        page.totals.get_mut(at)
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        let spare = self.pages.capacity().saturating_sub(self.pages.len());
        self.pages
            .iter()
            .map(Page::bytes)
            .sum::<usize>()
            .saturating_add(spare.saturating_mul(size_of::<Page>()))
    }
}

/// Stored as a list of owners, each a list of asset, in and out in order of asset: pages are not in it.
impl BorshSerialize for Pages {
    fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        let number =
            |count: usize| u32::try_from(count).map_err(|_| borsh::io::ErrorKind::InvalidData);
        number(self.owners)?.serialize(writer)?;
        for owner in (0..self.owners).filter_map(OwnerIx::next) {
            number(self.of(owner).count())?.serialize(writer)?;
            for holding in self.of(owner) {
                holding.serialize(writer)?;
            }
        }
        Ok(())
    }
}

impl BorshDeserialize for Pages {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let mut pages = Self::default();
        let owners = u32::deserialize_reader(reader)?;
        for owner in (0..owners).map(OwnerIx) {
            let mut last = None;
            for _ in 0..u32::deserialize_reader(reader)? {
                let (asset, totals) = <(AssetIx, Totals)>::deserialize_reader(reader)?;
                if last.is_some_and(|last| last >= asset) {
                    return Err(borsh::io::ErrorKind::InvalidData.into());
                }
                last = Some(asset);
                if let Some(slot) = pages.slot(owner, asset) {
                    *slot = totals;
                }
            }
        }
        pages.owners = usize::try_from(owners).unwrap_or(0).max(pages.owners);
        Ok(pages)
    }
}
