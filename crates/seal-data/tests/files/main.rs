//! Files of every kind, good and bad, through the public readers.

mod containers;
mod damage;
mod dialogues;
mod mutations;
mod options;
mod originals;
mod sets;
mod tools;
