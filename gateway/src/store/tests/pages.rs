//! Lists, page by page, below a parent and by tags.

use super::*;
use crate::model::Document;
use crate::store::{Change, PageQuery, TagFilter};

on_each_database!(
    a_list_is_walked_page_by_page,
    a_page_holds_only_the_children_of_a_parent,
    tags_filter_by_all_or_by_any,
    a_replace_takes_tags_away,
    a_tag_and_a_parent_filter_together,
);

fn numbers(documents: &[Document]) -> Vec<u128> {
    let number = |document: &Document| {
        let id: Uuid = document["id"].as_str().unwrap().parse().unwrap();
        id.as_u128() >> 64
    };
    documents.iter().map(number).collect()
}

async fn walk(store: &Store, kind: &str, mut query: PageQuery) -> Vec<Vec<u128>> {
    let mut pages = Vec::new();
    loop {
        let page = store.page(kind, &query).await.unwrap();
        pages.push(numbers(&page.documents));
        query.after = page.next;
        if page.next.is_none() {
            return pages;
        }
    }
}

async fn a_list_is_walked_page_by_page(fresh: Fresh) {
    let store = fresh.store;
    let sized = |size| PageQuery { size, ..PageQuery::default() };
    assert_eq!(walk(&store, "services", sized(2)).await, [[0_u128; 0]], "an empty kind has one empty page");
    let inserted = [5, 1, 4, 2, 3].map(|number| Change::Insert(service(number, &number.to_string())));
    store.write(inserted.to_vec()).await.unwrap();
    store.insert(service(6, "gone").expiring(1)).await.unwrap();
    store.insert(consumer(1, "another kind")).await.unwrap();
    assert_eq!(walk(&store, "services", sized(2)).await, [vec![1, 2], vec![3, 4], vec![5]]);
    assert_eq!(walk(&store, "services", sized(5)).await, [[1, 2, 3, 4, 5]], "a full last page has no next");
    assert_eq!(walk(&store, "services", sized(1_000)).await, [[1, 2, 3, 4, 5]]);
}

async fn a_page_holds_only_the_children_of_a_parent(fresh: Fresh) {
    let store = fresh.store;
    let mut changes = vec![Change::Insert(service(1, "a")), Change::Insert(service(2, "b"))];
    changes.extend((1..=6).map(|number| Change::Insert(route(number, number % 2 + 1))));
    store.write(changes).await.unwrap();
    let below = |number| PageQuery {
        size: 2,
        parent: Some(("service".to_owned(), id(number))),
        ..PageQuery::default()
    };
    assert_eq!(walk(&store, "routes", below(2)).await, [vec![1, 3], vec![5]]);
    assert_eq!(walk(&store, "routes", below(1)).await, [vec![2, 4], vec![6]]);
    assert_eq!(walk(&store, "routes", below(3)).await, [[0_u128; 0]]);
    store.replace(route(3, 1)).await.unwrap();
    assert_eq!(
        walk(&store, "routes", below(2)).await,
        [[1, 5]],
        "a child that moved is below its new parent"
    );
}

async fn tags_filter_by_all_or_by_any(fresh: Fresh) {
    let store = fresh.store;
    let long = "t".repeat(3_000);
    let tagged: [(u128, Vec<&str>); 5] = [
        (1, vec!["a"]),
        (2, vec!["b"]),
        (3, vec!["a", "b", "a"]),
        (4, vec![&long, "A"]),
        (5, vec!["a", "c"]),
    ];
    for (number, tags) in &tagged {
        store.insert(service(*number, &number.to_string()).with_tags(tags)).await.unwrap();
    }
    store.insert(consumer(1, "x").with_tags(&["a"])).await.unwrap();
    let tags = |tags: &[&str]| tags.iter().map(ToString::to_string).collect::<Vec<_>>();
    for (case, filter, want) in [
        ("one", TagFilter::All(tags(&["a"])), vec![1, 3, 5]),
        ("all of two", TagFilter::All(tags(&["a", "b"])), vec![3]),
        ("all of two, turned round", TagFilter::All(tags(&["b", "a"])), vec![3]),
        ("any of two", TagFilter::Any(tags(&["b", "a"])), vec![1, 2, 3, 5]),
        ("any of one that nobody has", TagFilter::Any(tags(&["z"])), vec![]),
        ("all, one of which nobody has", TagFilter::All(tags(&["a", "z"])), vec![]),
        ("a long one", TagFilter::All(tags(&[&long])), vec![4]),
        ("any of none", TagFilter::Any(Vec::new()), vec![]),
    ] {
        for size in [1, 2, 100] {
            let query = PageQuery { size, tags: Some(filter.clone()), ..PageQuery::default() };
            assert_eq!(walk(&store, "services", query).await.concat(), want, "{case}, {size} a page");
        }
    }
}

async fn a_replace_takes_tags_away(fresh: Fresh) {
    let store = fresh.store;
    store.insert(service(1, "1").with_tags(&["a", "b"])).await.unwrap();
    store.replace(service(1, "1").with_tags(&["b"])).await.unwrap();
    for (tag, want) in [("a", vec![]), ("b", vec![1])] {
        let tags = Some(TagFilter::All(vec![tag.to_owned()]));
        let query = PageQuery { size: 9, tags, ..PageQuery::default() };
        assert_eq!(walk(&store, "services", query).await, [want], "{tag}");
    }
}

async fn a_tag_and_a_parent_filter_together(fresh: Fresh) {
    let store = fresh.store;
    let mut changes = vec![Change::Insert(service(1, "a")), Change::Insert(service(2, "b"))];
    for (number, service, tags) in
        [(1, 1, ["x", "y"]), (2, 2, ["x", "y"]), (3, 1, ["y", "z"]), (4, 1, ["z", "w"])]
    {
        changes.push(Change::Insert(route(number, service).with_tags(&tags)));
    }
    store.write(changes).await.unwrap();
    for (case, tags, want) in [
        ("all", TagFilter::All(vec!["x".into(), "y".into()]), vec![1]),
        ("any", TagFilter::Any(vec!["x".into(), "z".into()]), vec![1, 3, 4]),
        ("any of none", TagFilter::Any(Vec::new()), vec![]),
    ] {
        let parent = Some(("service".to_owned(), id(1)));
        let query = PageQuery { size: 2, parent, tags: Some(tags), ..PageQuery::default() };
        assert_eq!(walk(&store, "routes", query).await.concat(), want, "{case}");
    }
}
