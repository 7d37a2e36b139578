//! The destination: what it refuses, what it repairs, and what a failing disk does to it.

mod damage;
mod destination;
mod trouble;
