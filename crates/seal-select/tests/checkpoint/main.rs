//! Published selectors: checkpoints that PyTorch wrote, hostile files built
//! here, random damage, and the two files that SEAL published.

mod build;
mod container;
mod hostile;
mod mutation;
mod pickle;
mod published;
mod pytorch;
