//! Published selectors: checkpoints that PyTorch wrote, hostile files built
//! here, and random damage.

mod build;
mod container;
mod hostile;
mod mutation;
mod pickle;
mod pytorch;
