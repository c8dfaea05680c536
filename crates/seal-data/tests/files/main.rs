//! Files of every kind, good and bad, through the public readers.

mod containers;
mod damage;
mod dialogues;
mod extras;
mod layouts;
mod mutations;
mod odd;
mod options;
mod originals;
mod sets;
mod tables;
mod tools;
