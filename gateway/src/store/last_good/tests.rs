use std::fs;

use super::*;

fn rows(revision: Revision) -> CatalogRows {
    let service = json!({ "id": "a", "name": "line\nbreak", "nested": { "b": [1, null] } });
    let services = vec![service.as_object().cloned().unwrap()];
    let documents = [("services".to_owned(), services), ("routes".to_owned(), Vec::new())].into();
    CatalogRows { revision, documents, bad_rows: Vec::new() }
}

async fn save(last_good: &LastGood, revision: Revision) -> Result<(), LastGoodError> {
    let text = |document: &Document| serde_json::to_string(document).unwrap().into();
    let rows = rows(revision).documents.into_iter();
    let texts = rows.map(|(kind, documents)| (kind, documents.iter().map(text).collect())).collect();
    last_good.save(revision, texts).await
}

#[tokio::test]
async fn what_was_saved_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let last_good = LastGood::new(folder.path().join("made/when/needed"));
    assert_eq!(last_good.load().await, None, "nothing saved yet");
    save(&last_good, 1).await.unwrap();
    save(&last_good, 2).await.unwrap();
    assert_eq!(last_good.load().await, Some(rows(2)));
}

#[tokio::test]
async fn a_damaged_file_gives_way_to_the_one_before_it() {
    type Damage = fn(&mut Vec<u8>);
    let cases: [(&str, Damage); 6] = [
        ("emptied", Vec::clear),
        ("cut short", |bytes| bytes.truncate(bytes.len() - 3)),
        ("a bit flipped at the end", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("a bit flipped in the head", |bytes| bytes[4] ^= 1),
        ("not even text", |bytes| bytes.iter_mut().for_each(|byte| *byte = 0xff)),
        ("of a later format", |bytes| {
            *bytes = String::from_utf8_lossy(bytes).replace("\"format\":1", "\"format\":2").into_bytes();
        }),
    ];
    for (case, damage) in cases {
        let folder = tempfile::tempdir().unwrap();
        let last_good = LastGood::new(folder.path());
        save(&last_good, 1).await.unwrap();
        save(&last_good, 2).await.unwrap();
        let newest = last_good.catalog().newest();
        let mut bytes = fs::read(&newest).unwrap();
        damage(&mut bytes);
        fs::write(&newest, &bytes).unwrap();
        assert_eq!(last_good.load().await, Some(rows(1)), "{case}");
        fs::write(last_good.catalog().previous(), &bytes).unwrap();
        assert_eq!(last_good.load().await, None, "{case}, both of them");
        save(&last_good, 3).await.unwrap();
        assert_eq!(last_good.load().await, Some(rows(3)), "{case}, saved again");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_an_error_and_no_loss() {
    let folder = tempfile::tempdir().unwrap();
    let last_good = LastGood::new(folder.path());
    save(&last_good, 1).await.unwrap();
    // A folder where the unfinished file goes.
    fs::create_dir(folder.path().join("catalog.unfinished")).unwrap();
    assert!(matches!(save(&last_good, 2).await, Err(LastGoodError::Write { .. })));
    assert_eq!(last_good.load().await, Some(rows(1)));
}

#[tokio::test]
async fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let last_good = LastGood::new(folder.path());
    save(&last_good, 1).await.unwrap();
    let mode = fs::metadata(last_good.catalog().newest()).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
}

#[tokio::test]
async fn with_keys_nothing_lies_there_in_the_clear() {
    let keys = |text: &str| Some(Arc::new(Keyring::parse(text).unwrap()));
    let key = "a:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let folder = tempfile::tempdir().unwrap();
    let plain = LastGood::new(folder.path());
    save(&plain, 1).await.unwrap();
    save(&plain, 2).await.unwrap();
    let sealed = plain.clone().with_keys(keys(key));
    assert_eq!(sealed.load().await, Some(rows(2)), "what was saved before is read");
    save(&sealed, 3).await.unwrap();
    let all = || {
        let files = fs::read_dir(folder.path()).unwrap().flatten();
        files.map(|file| fs::read_to_string(file.path()).unwrap()).collect::<String>()
    };
    assert!(!all().contains("line") && !all().contains("nested"), "{}", all());
    assert_eq!(sealed.load().await, Some(rows(3)));
    save(&sealed, 4).await.unwrap();
    fs::write(sealed.catalog().newest(), "damaged").unwrap();
    assert_eq!(sealed.load().await, Some(rows(3)));
    let other = plain.with_keys(keys("b:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="));
    assert_eq!(other.load().await, None, "another key opens nothing");
}
