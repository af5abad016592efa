//! Kong's crawlers and download tools, by what their `User-Agent` has in it.
//!
//! Kong tries a dozen expressions, one of them with two hundred alternatives. Most of these are plain names,
//! and many have `bot`, `crawl` or `spider` in them, which another expression finds anyway. This is what is
//! left. Lists are parted by `|`.

/// A bot's, wherever they stand.
pub(crate) const NAMES: &str = "50.nu|Aboundex|Apache-HttpClient|AppEngine-Google|Ask Jeeves|BingPreview|\
    BlogBridge|BoardReader|BotSeer|Charlotte|Checklinks|Daumoa|Flamingo_SearchEngine|Genieo|GomezAgent|\
    Google SketchUp|Google-HTTP-Java-Client|HiddenMarket|HooWWWer|HttpMonitor|Icarus6j|IconSurf|IlTrovatore|\
    InfuzApp|InternetArchive|JNLP|Kraken|Kurzor|LEIA|LinkAider|Llaut|Mediapartners-Google|Netvibes|\
    NewsGator|Nutch|Nymesis|OOZBOT|ObjectsSearch|Orbiter|PagePeeker|PagesInventory|PaxleFramework|Pompos|\
    Python-urllib|Read%20Later|Reaper|RedCarpet|Retreiver|Riddler|Rival IQ|SEOstats|Scrape|Scrapy|Scrubby|\
    SimplePie|SimpleRSS|Simpy|SiteCon|Slurp|Squrl Java|TLSProber|Thumbshots.ru|URL2PNG|Vagabondo|WIRE|\
    Web-sniffer|WebThumb|WhatWeb|WinHTTP|WordPress|Wotbox|YottaaMonitor|Yowedo|ZooShot|ZyBorg|altavista|\
    archiver|charlotte|clumboot|favicon|findlinks|gonzo1|grub-client|heritrix|holmes|htdig|http%20client|\
    ichiro|larbin|lycos|mogimogi|mozDex|netresearch|scooter|scrape|searchsight|semanticdiscovery|snappy|\
    www.almaden.ibm.com|yacy";

/// A bot's, in small and in capital letters.
pub(crate) const WORDS: &str = "spider|crawl";

/// A bot's, if a slash and a digit follow.
pub(crate) const VERSIONED: &str = "008|Altresium|Argus|BaiduMobaider|DNSGroup|DataparkSearch|EDI|Goodzer|\
    Grub|INGRID|Infohelfer|LOOQ|PathDefender|Peew|PostPost|Steeler|VSE|WebCrunch|WebZIP|envolk|sproose|wminer";

/// Names, one of which every match of the expression beside them has in it.
pub(crate) const EXPRESSIONS: [(&str, &str); 13] = [
    (
        "bot|Bot",
        r"[^C][^Uu][Bb]ot|[Bb]ot[/ ]\d|/[A-z]+[Bb]ot-\d|jbot\b|IP2[a-z]+Bot|WASALive.Bot|Xerka [A-z]+Bot|Microsoft .*? Bot",
    ),
    ("Archiver|ndexer", r"(?:Archiver|[Ii]ndexer)[/ ]\d"),
    ("Axtaris|fetchurl|Isara|ShopSalad|Tailsweep", r"/(?:Axtaris|fetchurl|Isara|ShopSalad|Tailsweep)[ -]\d"),
    ("NING|vortex|voyager|Zao", r"^(?:NING|vortex|voyager|Zao)"),
    ("facebookexternalhit", r"facebookexternalhit/\d+\.\d"),
    ("/+/web/snippet", r"Google.*/\+/web/snippet"),
    ("Accoona-", r"Accoona-[A-z]+-Agent"),
    ("boitho", r"boitho.com-dc"),
    ("WeSEE:", r"WeSEE:[A-z]"),
    ("Xenu", r"Xenu(?:.s)? Link Sleuth"),
    ("Seeker", r"Yahoo[a-z]*Seeker"),
    ("Yandex", r"Yandex\w"),
    ("Y", r"\bYeti|Y!J-BR[A-Z]/\d"),
];
