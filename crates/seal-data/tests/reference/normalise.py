"""Golden forms for tests/normalise.rs, from Python's own Unicode data.

Text is compared without case, punctuation, spacing and characters that are not
shown: NFKC(casefold(NFKC(casefold(NFD(text))))), as The Unicode Standard defines
compatibility caseless matching (D146), then without category P and
Default_Ignorable_Code_Point, each run of white space as one space. Python has no
such property; the ranges are those of DerivedCoreProperties.txt.

Run in this folder: python3 normalise.py
"""

import json
import random
import unicodedata

IGNORABLE = [
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
]
WHITE = {0x9, 0xA, 0xB, 0xC, 0xD, 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028,
         0x2029, 0x202F, 0x205F, 0x3000}


def shown(text):
    return "".join(c for c in text if not any(a <= ord(c) <= b for a, b in IGNORABLE))


def once(text):
    text = unicodedata.normalize("NFD", shown(text)).casefold()
    text = unicodedata.normalize("NFKC", text).casefold()
    text = shown(unicodedata.normalize("NFKC", text))
    words = "".join(" " if ord(c) in WHITE else c for c in text)
    words = "".join(c for c in words if not unicodedata.category(c).startswith("P"))
    return " ".join(words.split(" ")).strip() if "  " not in words else " ".join(w for w in words.split(" ") if w)


def normal(text):
    while (after := once(text)) != text:
        text = after
    return text


random.seed(0)
# Scripts with case, marks, forms of other width; all assigned since Unicode 6.
BLOCKS = [(0x20, 0x7F), (0xA0, 0x250), (0x300, 0x370), (0x370, 0x400), (0x400, 0x530),
          (0x531, 0x588), (0x5D0, 0x5EB), (0x621, 0x650), (0x905, 0x93A), (0x10A0, 0x10C6),
          (0x1E00, 0x2000), (0x2000, 0x2070), (0x2070, 0x2100), (0x2100, 0x2190), (0x2460, 0x2500),
          (0x3000, 0x3100), (0x3300, 0x3400), (0xAC00, 0xAC80), (0xFB00, 0xFB07), (0xFE50, 0xFE6C),
          (0xFF01, 0xFFEF), (0x10400, 0x10450), (0x1D400, 0x1D455), (0xFE00, 0xFE10)]
TEXTS = [
    "ΟΔΥΣΣΕΥΣ", "οδυσσευς", "STRASSE", "straße", "STRAẞE", "Café", "CAFE\u0301", "Ｆｕｌｌ　Ｗｉｄｔｈ！",
    "zero\u200bwidth", "\ufeffmark", "soft\u00adhyphen", "ﬁle ﬂow ﬀ", "İstanbul", "ıstanbul", "ISTANBUL",
    "ǅungla", "ſ long", "K kelvin", "Å ångström Å", "½ ² ™ № ㎏", "한글 한글", "👩\u200d🔬 ❤\ufe0f",
    "a\u0301.\u0323b", "«Quoted»—text…", "ŉ ǰ ΐ", "Ა Ა", "ꭰ Ꭰ", "e\u034f\u0301", "\u00a0 \u2003x\u3000y",
]
pool = []
for first, last in BLOCKS:
    pool.append([chr(c) for c in range(first, last)
                 if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Cc", "Co")])
while len(TEXTS) < 600:
    block = random.choice(pool)
    other = random.choice(pool)
    length = random.randint(1, 12)
    TEXTS.append("".join(random.choice(random.choice([block, block, other])) for _ in range(length)))
TEXTS.extend("".join(chars) for chars in pool)
json.dump([[text, normal(text)] for text in TEXTS], open("normalise.json", "w"), indent=0)
print(len(TEXTS), unicodedata.unidata_version)
