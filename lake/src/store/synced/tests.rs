//! The synced store on a real folder.

use object_store::ObjectStoreExt;
use tempfile::TempDir;

use super::*;

fn place(folder: &TempDir, path: &str) -> Path {
    Path::from_absolute_path(folder.path().join(path)).expect("a valid path")
}

#[tokio::test]
async fn a_put_makes_its_folders_and_leaves_only_the_file() {
    let (store, folder) = (SyncedFileSystem::new(), TempDir::new().expect("a temporary folder"));
    let path = place(&folder, "a/b/file");
    store.put(&path, "one".into()).await.expect("writes");
    store.put(&path, "two".into()).await.expect("replaces");
    assert_eq!(store.get(&path).await.expect("there").bytes().await.expect("readable"), "two");
    assert_eq!(std::fs::read_dir(folder.path().join("a/b")).expect("a folder").count(), 1);
}

#[tokio::test]
async fn of_two_that_create_one_name_the_first_stays() {
    let (store, folder) = (SyncedFileSystem::new(), TempDir::new().expect("a temporary folder"));
    let path = place(&folder, "file");
    let create = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    store.put_opts(&path, "one".into(), create()).await.expect("the name is free");
    let second = store.put_opts(&path, "two".into(), create()).await;
    assert!(matches!(second, Err(Error::AlreadyExists { .. })));
    assert_eq!(store.get(&path).await.expect("there").bytes().await.expect("readable"), "one");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

#[tokio::test]
async fn parts_of_an_upload_stand_in_their_order_and_an_aborted_one_leaves_nothing() {
    let (store, folder) = (SyncedFileSystem::new(), TempDir::new().expect("a temporary folder"));
    let path = place(&folder, "a/file");
    let mut upload = store.put_multipart(&path).await.expect("starts");
    let (first, second) = (upload.put_part("one ".into()), upload.put_part("two".into()));
    second.await.expect("writes");
    first.await.expect("writes");
    assert!(store.get(&path).await.is_err(), "no name before it is complete");
    upload.complete().await.expect("completes");
    assert_eq!(store.get(&path).await.expect("there").bytes().await.expect("readable"), "one two");
    let mut aborted = store.put_multipart(&place(&folder, "a/other")).await.expect("starts");
    aborted.put_part("x".into()).await.expect("writes");
    aborted.abort().await.expect("aborts");
    assert_eq!(std::fs::read_dir(folder.path().join("a")).expect("a folder").count(), 1);
}

#[tokio::test]
async fn a_half_written_file_is_in_no_list() {
    let (store, folder) = (SyncedFileSystem::new(), TempDir::new().expect("a temporary folder"));
    let _upload = store.put_multipart(&place(&folder, "file")).await.expect("starts");
    let listed = store.list_with_delimiter(Some(&place(&folder, ""))).await.expect("lists");
    assert_eq!(listed.objects.len(), 0);
}
