//! Mirrors in a bucket, of a scripted S3 server.

mod server;
