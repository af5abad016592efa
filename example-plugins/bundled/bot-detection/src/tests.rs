//! Kong's rules for `bot-detection`, against the pretend host.

use serde_json::{Value as Json, json};
use weir_plugin_sdk::testing::{Outcome, Request, Tester};
use weir_plugin_sdk::{AnswerBody, RequestVerdict};

use super::BotDetection;

fn call(config: &Json, request: &Request) -> Outcome {
    Tester::<BotDetection>::new(config)
        .unwrap_or_else(|problems| panic!("{config}: {problems:?}"))
        .request_head(request)
}

fn from(user_agent: &str) -> Request {
    Request::get("/").header("user-agent", user_agent)
}

fn passes(outcome: &Outcome) -> bool {
    match &outcome.verdict {
        Ok(RequestVerdict::Proceed(_)) => true,
        Ok(RequestVerdict::Respond(answer)) => {
            assert_eq!((answer.status, &answer.body), (403, &AnswerBody::Message("Forbidden".into())));
            false
        }
        Err(failure) => panic!("{failure:?}"),
    }
}

#[test]
fn browsers_and_tools_pass() {
    let mut tester = Tester::<BotDetection>::new(&json!({})).unwrap();
    for user_agent in [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
        "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
        "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.0)",
        "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36",
        "CUbot",
        "Cabot",
        "curl/8.5.0",
        "Wget/1.21",
        "python-requests/2.32.3",
        "PostmanRuntime/7.39.0",
        "Go-http-client/1.1",
        "Grub 1",
        "EDI/x",
        "Yandex",
        "Yahoo Seeker",
        "Google/snippet",
        "/fetchurl/1",
        "a NING",
        "xYeti",
        "Microsoft C-Bot",
        "jbots",
        "indexer",
        "Xenu's  Link Sleuth",
        "",
        "  ",
    ] {
        assert!(passes(&tester.request_head(&from(user_agent))), "{user_agent:?}");
    }
    assert!(passes(&tester.request_head(&Request::get("/"))), "none at all");
}

#[test]
fn known_bots_are_refused() {
    let mut tester = Tester::<BotDetection>::new(&json!({})).unwrap();
    for user_agent in [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
        "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
        "Mozilla/5.0 (compatible; YandexImages/3.0; +http://yandex.com/)",
        "DuckDuckBot/1.0; (+http://duckduckgo.com/duckduckbot.html)",
        "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Google (+https://developers.google.com/+/web/snippet/)",
        "Twitterbot/1.0",
        "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT; MSIECrawler)",
        "Python-urllib/3.11",
        "Apache-HttpClient/4.5.13 (Java/1.8)",
        "HTTP%20Client and http%20client/1",
        "a SPIDER",
        "CRAWL-E",
        "Scrapy/2.11 (+https://scrapy.org)",
        "page scrape",
        "WordPress/6.5; https://example.com",
        "BUbot/1",
        "bot 1",
        "/Cubot-1",
        "jbot; x",
        "IP2abuBot",
        "WASALiveuBot",
        "Xerka SiuBot",
        "Microsoft C Bot",
        "Archiver 1",
        "Indexer/1",
        "x/fetchurl-1",
        "x/Tailsweep 3",
        "NING/1.0",
        "voyager/2",
        "Accoona-AI-Agent",
        "boitho.com-dc/0.8",
        "WeSEE:Ads",
        "Xenu Link Sleuth",
        "Xenu's Link Sleuth/1.3",
        "YahoovideoSeeker/1",
        "a Yeti/1.0",
        "Y!J-BRW/1.0",
        "EDI/1.6",
        "wminer/5",
        "Wotbox/2",
        "caf\u{e9} favicon.ico",
    ] {
        assert!(!passes(&tester.request_head(&from(user_agent))), "{user_agent:?}");
    }
}

#[test]
fn every_name_that_is_known_is_found() {
    let mut tester = Tester::<BotDetection>::new(&json!({})).unwrap();
    let in_text = |name: &str| from(&format!("a {name}/1 b"));
    for name in crate::names::NAMES.split('|').chain(crate::names::VERSIONED.split('|')) {
        assert!(!passes(&tester.request_head(&in_text(name))), "{name}");
    }
}

#[test]
fn the_operator_allows_and_denies() {
    let both = json!({"allow": ["FacebookAgent", "^friendly"], "deny": ["Friend\\w+", "(?i)evil"]});
    for (case, config, user_agent, pass) in [
        ("denied", json!({"deny": ["^curl/"]}), "curl/8.5.0", false),
        ("not at its start", json!({"deny": ["^curl/"]}), "libcurl/8.5.0", true),
        ("spaces around it do not count", json!({"deny": ["^curl$"]}), "  curl ", false),
        ("a bot that is allowed", json!({"allow": ["Googlebot"]}), "Googlebot/2.1", true),
        ("another bot", json!({"allow": ["Googlebot"]}), "bingbot/2.0", false),
        ("who is not in the list of allowed passes", json!({"allow": ["x"]}), "curl/8.5.0", true),
        ("case counts", json!({"deny": ["curl"]}), "CURL", true),
        ("unless it shall not", both.clone(), "EVIL", false),
        ("allowed and denied", both.clone(), "friendly Friends", true),
        ("the second of the denied", both, "a Friends", false),
        ("no lists", json!({"allow": null, "deny": null}), "curl/8.5.0", true),
    ] {
        assert_eq!(passes(&call(&config, &from(user_agent))), pass, "{case}");
    }
}

#[test]
fn there_is_one_user_agent() {
    for config in [json!({}), json!({"allow": ["."]})] {
        let outcome = call(&config, &from("a").header("User-Agent", "a"));
        let message = AnswerBody::Message("Only one User-Agent header allowed".into());
        assert_eq!((outcome.answer().status, &outcome.answer().body), (400, &message));
    }
}

#[test]
fn bytes_that_are_no_text_are_looked_at_too() {
    let request = |bytes: &[u8]| Request::get("/").header("user-agent", bytes);
    assert!(passes(&call(&json!({}), &request(b"\xff\xfe"))));
    assert!(!passes(&call(&json!({}), &request(b"\xff Slurp"))));
}

#[test]
fn the_time_is_linear_in_the_text() {
    let mut tester = Tester::<BotDetection>::new(&json!({})).unwrap();
    for part in
        ["Cubot", "Google", "Microsoft ", "Xerka a", "/a", "Accoona-a", "Yahoo", "Yeti", "IP2a", "MSIE 1"]
    {
        let text = format!("x{}", part.repeat((1 << 18) / part.len()));
        let began = std::time::Instant::now();
        _ = tester.request_head(&from(&text));
        assert!(began.elapsed().as_secs() < 20, "{part}: {:?}", began.elapsed());
    }
}

#[test]
fn says_what_is_wrong_with_a_configuration() {
    for (case, config, pointer, message) in [
        ("a bad expression", json!({"allow": ["ok", "a("]}), "/allow/1", "not a valid regex: a( ("),
        ("no linear time", json!({"deny": ["(?=a)"]}), "/deny/0", "not a valid regex: (?=a) ("),
        ("a huge one", json!({"deny": ["(a{500}){500}"]}), "/deny/0", "not a valid regex: (a{500}){500} ("),
    ] {
        let problems = Tester::<BotDetection>::new(&config).err().unwrap_or_default();
        assert_eq!(problems.len(), 1, "{case}");
        assert_eq!(problems[0].pointer, pointer, "{case}");
        assert!(problems[0].message.starts_with(message), "{case}: {}", problems[0].message);
    }
    let both = json!({"allow": ["("], "deny": ["[", "ok", "*"]});
    let problems = Tester::<BotDetection>::new(&both).err().unwrap_or_default();
    let pointers: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(pointers, ["/allow/0", "/deny/0", "/deny/2"], "all are told at once");
}

#[test]
fn ships_kongs_defaults() {
    let schema = weir_plugin_sdk::schema::of::<super::Config>();
    for field in ["allow", "deny"] {
        assert_eq!(schema["properties"][field]["default"], json!([]), "{field}");
        assert_eq!(schema["properties"][field]["items"]["type"], json!("string"), "{field}");
    }
    assert_eq!(schema["x-forbidden-scopes"], json!(["consumer"]));
}
