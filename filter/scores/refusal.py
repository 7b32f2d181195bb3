"""The score `refusal`: how much an answer looks like a refusal although the reply's status is fine.

Our own phrases in thirteen languages. Weighed are place (an answer refuses with its first words, or after an apology),
what is refused (help, an answer, "that"; not to attend a meeting or to forget), and length. A letter that declines was asked for:
where the prompt speaks of declining, or holds such a phrase itself, the score is 0.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...store.run import Run
from ...texts.arrow import pc
from ..answers import Answers
from ..score import Score

PLACE = 300
"""Characters in which it must stand."""
SHORT, LONG = 80, 240
"""Words up to which it weighs in full (Evol-Instruct's eliminator has the same 80, Xu et al. 2023), and from which on nothing."""

_CANNOT = (
    r"(?:(?:can[’']t|cannot) and (?:will not|won[’']t)|can[’']?t|can ?not|could(?:n[’']t| not)|won[’']t|will not"
    r"|am (?:not able|unable) to|[’']m (?:not able|unable) to"
    r"|will be unable to|won[’']t be able to|will not be able to|(?:must|have to) (?:respectfully )?(?:decline"
    r"|refuse)(?: to)?"
    r"|(?:am|[’']m) (?:not |un)(?:comfortable|willing|going to|permitted to|allowed to|programmed to|designed to"
    r"|equipped to)(?: with)?"
    r"|do(?:n[’']t| not) (?:feel comfortable|have the (?:ability|capability) to))"
)
_HOW = (
    r"(?:,? (?:really|simply|just|currently|unfortunately|respectfully|ethically|however|also|directly|physically))*,?"
)
_SORRY = (
    r"(?:(?:i[’']?m|i am) (?:so |very |really |truly |terribly |deeply )?sorry|(?:i[’']m|i am) afraid|sorry|(?:i "
    r"|my )?apolog\w+"
    r"|unfortunately|i regret"
    r"|regrettably|i understand|i appreciate|thank you|thanks|as an? (?:ai|artificial|language|large|responsible)|no"
    r"|hello|hi)"
)
_HELP = (
    r"(?:assist(?:ing|ance)?|help(?:ing)?(?: you)?(?: out)? (?:with|to)|help(?:ing)? you|help[.,!]|comply|complying"
    r"|fulfil\w*|satisfy"
    r"|(?:provid|generat|creat|produc|facilitat|promot|disclos|advis)(?:e|ing)|engag(?:e|ing) in|(?:discuss"
    r"|answer)(?:ing)? (?:that|this|such)\b"
    r"|(?:that|this|your) request)"
)
_WRITE = (
    r"(?:(?:giv|offer|shar|writ|reveal|recommend|access|brows|do|continu|proceed|complet|process|answer|respond"
    r"|discuss|support"
    r"|endors|participat|accommodat|perform|execut)(?:e|ing)?|(?:open|view|watch|see|read)(?:ing)? (?:the |any |your "
    r"|this )?"
    r"(?:link|url|image|picture|photo|video|file|document|attach|website|external|web)s?)\b"
)
_STRONG = (
    rf"(?:{_SORRY}\b[^\n]*?[\W\s](?:but )?)?i{_HOW} ?{_CANNOT}{_HOW} {_HELP}",
    rf"(?:{_SORRY}\b[^\n]*?[\W\s])?(?:that|this)(?: is|[’']s)? ?(?:not|n[’']t)? ?something i(?: can|[’']m| am"
    r"| will)(?:not|[’']t| not)?"
    r"(?: able to)? (?:help|assist|do|provide|discuss|support)\b",
    rf"(?:{_SORRY}\b[^\n]*?[\W\s])?(?:it would be|it is|it[’']s|that would be) (?:not |in|un|ir)(?:appropriate"
    r"|ethical|responsible)"
    r" (?:of|for) me to\b",
    rf"(?:{_SORRY}\b[^\n]*?[\W\s])?my (?:guidelines|programming|policies|safety guidelines) (?:do not|don[’']t"
    r"|does not|doesn[’']t"
    r"|prevent|prohibit|forbid)",
    rf"(?:{_SORRY}\b[^\n]*?[\W\s])?(?:this|that|your) (?:request|question|prompt) (?:goes against|violates"
    r"|is against|breaches) ",
    rf"(?:{_SORRY}\b[^\n]*?[\W\s])?i(?:[’']m going to| will|[’']ll) have to (?:decline|refuse|pass)\b",
)
_WEAK = (
    rf"{_SORRY}\b[^\n]*?[\W\s](?:but )?i{_HOW} ?{_CANNOT}{_HOW} {_WRITE}",
    rf"(?:{_SORRY}\b[^\n]*?[\W\s])?i(?: do not| don[’']t) have (?:access to|the (?:ability|capability) to)\b",
    r"(?:es tut mir leid,? (?:aber )?)?(?:das|dies|dabei|diese\w* \w+) (?:kann|darf"
    r"|werde) ich (?:leider )?nicht (?:tun|machen|beantworten"
    r"|erfüllen|bereitstellen)",
    r"ich (?:kann|darf|werde) [^\n.!?]*?(?:diese|solche|keine|ihre"
    r"|deine)\w* [^\n.!?]*?(?:nicht )?(?:bereitstellen|weitergeben"
    r"|beantworten|erfüllen|geben|teilen|liefern|erstellen)\b",
    r"ik kan (?:je|u) (?:hier|daar) (?:helaas )?niet (?:bij|mee) helpen",
    r"[^\n。]*?には(?:お答え|回答|対応|お応え)(?:できません|できかねます|いたしかねます)",
    r"je ne (?:peux|puis|suis) pas (?:en mesure de |capable de |autorisée? à )?(?:vous )?(?:fournir|partager"
    r"|divulguer|donner"
    r"|répondre|générer|aider)",
    r"no (?:te |le )?puedo (?:proporcionar|compartir|ofrecer|brindar|ayudar|cumplir|responder|generar|revelar|dar)",
    r"non posso (?:aiutar|forni|condivid|rispond|genera|rivela)\w*",
    r"não (?:posso|consigo) (?:ajud|fornec|compartilh|respond|ger|revel)\w+",
    r"(?:я )?не могу (?:с этим |вам |вам с этим )?(?:помочь|предоставить|ответить|выполнить|раскрыть"
    r"|поделиться|обсуждать)",
    r"我?(?:无法|無法|不能)(?:向您|为您|為您)?(?:提供|透露|分享|回答|协助|協助|帮助|幫助|满足|滿足|生成)",
    r"(?:لا (?:يمكنني|أستطيع)) (?:تقديم|مساعد|الإجابة|تلبية|المساعدة|مشاركة)",
)
"""These may as well be the words of a letter or a figure: not counted where the prompt asks for one."""
_OTHERS = (
    # German
    r"(?:(?:es )?tut mir (?:sehr )?leid|entschuldig\w+|leider|verzeih\w+|(?:ich )?bedaure|als (?:ki"
    r"|sprachmodell))\b[^\n]*?"
    r"\b(?:kann|darf|werde|möchte) (?:ich )?[^\n.!?]*\b(?:nicht|keine\w*)\b[^\n.!?]*?\b(?:helfen|weiterhelfen|behilflich"
    r"|unterstützen|beantworten"
    r"|nachkommen|erfüllen|entsprechen|weitergeben|bereitstellen|erstellen|schreiben|geben|ausführen|dienen)",
    r"(?:ich kann|dabei kann ich|damit kann ich|das kann ich|bei \w+ \w+ kann ich) (?:ihnen |dir |leider "
    r"|dabei |damit |hierbei "
    r"|diese\w* \w+ )*"
    r"nicht (?:helfen|weiterhelfen|behilflich|dienen|unterstützen|beantworten|nachkommen|erfüllen)",
    # French
    r"(?:(?:je suis (?:vraiment |sincèrement )?)?désolée?|je m[’']excuse|je regrette|malheureusement"
    r"|en tant qu)[^\n]*?"
    r"\bje (?:ne )?(?:peux|puis|suis) (?:malheureusement )?pas (?:en mesure de |capable de )?(?:vous |t[’'])?(?:aider"
    r"|répondre|fournir"
    r"|donner|accéder|satisfaire|assister|créer|écrire|générer|traiter)",
    r"je (?:ne )?(?:peux|puis) pas (?:vous |t[’']|y )?(?:aider|répondre à (?:cette|votre)|satisfaire|donner suite)",
    # Spanish
    r"(?:lo siento|lo lamento|lamento|disculp\w+|perdón|desafortunadamente|lamentablemente"
    r"|como (?:un )?(?:modelo|ia))\b[^\n]*?"
    r"\bno (?:te |le |os )?(?:puedo|podré|me es posible|soy capaz de|estoy en condiciones de) (?:ayudar|asistir"
    r"|cumplir|proporcionar"
    r"|responder|brindar|ofrecer|generar|crear|escribir|dar|hacer|realizar|acceder|continuar|procesar)",
    r"no (?:te |le )?puedo (?:ayudar(?:te|le|lo)? con|cumplir con|responder a (?:esa|esta|tu|su))",
    # Italian, Portuguese
    r"(?:mi (?:di)?spiace|spiacente|sono spiacente|purtroppo|mi scuso)\b[^\n]*?\bnon (?:ti |le |vi )?(?:posso"
    r"|sono in grado di"
    r"|mi è possibile) (?:aiutar|assister|fornir|risponder|soddisfar|crear|scriver|generar|dar)\w*",
    r"(?:desculp\w+|sinto muito|lamento|infelizmente|peço desculpas?|me desculpe)\b[^\n]*?\bnão (?:te |lhe "
    r"|o )?(?:posso|consigo"
    r"|sou capaz de|é possível) (?:ajud|atend|fornec|respond|cri|escrev|ger|d)\w+",
    # Dutch, Polish
    r"(?:het spijt me|sorry|helaas|mijn excuses)\b[^\n]*?\bik\b[^\n.!?]*\b(?:niet"
    r"|geen)\b[^\n.!?]*?\b(?:helpen|beantwoorden"
    r"|voldoen|bieden|geven|schrijven|verstrekken|bijstaan)",
    r"(?:przepraszam|przykro mi|niestety|wybacz)\b[^\n]*?\bnie (?:mogę|jestem w stanie|potrafię) (?:ci |panu "
    r"|pani |w tym )?"
    r"(?:pomóc|odpowiedzieć|spełnić|udzielić|napisać|podać)",
    # Russian
    r"(?:извините|простите|прошу прощения|к сожалению|мне (?:очень )?жаль|сожалею|как (?:языковая"
    r"|искусственный|ии))[^\n]*?"
    r"я не (?:могу|смогу|способен|в состоянии|имею возможности) (?:вам |тебе |с этим |в этом |на это )?(?:помочь"
    r"|ответить|выполнить"
    r"|предоставить|написать|создать|дать|обсуждать|помогать)",
    # Chinese
    r"(?:(?:我|非常|很|十分|真的|实在|實在)*(?:抱歉|对不起|對不起|不好意思|遗憾|遺憾)|作为|作為)[^\n。！]*?"
    r"(?:无法|無法|不能|不可以|不便|没办法|沒辦法)[^\n。]*?(?:帮|幫|透露|分享|协助|協助|提供|回答|满足|滿足|完成|处理"
    r"|處理|执行"
    r"|執行|生成|讨论|討論|给出"
    r"|創作|创作|撰写|撰寫|写|继续)",
    r"我(?:无法|無法|不能)(?:帮助|幫助|协助|協助|提供|回答|满足|滿足)(?:您|你|该|該|这|這|此)",
    # Japanese, Korean
    r"(?:大変|誠に)?(?:申し訳(?:ありません|ございません|ない)|すみません|恐れ入りますが|ごめんなさい"
    r"|残念ながら)[^\n]*?"
    r"(?:お手伝い|お答え|回答|お応え|対応|提供|支援|協力|作成|お力)[^\n。]*?(?:できません|できかねます|いたしかねます"
    r"|致しかねます|出来ません|なれません)",
    r"(?:정말 |대단히 )?(?:죄송|미안|유감)[^\n]*?(?:도와|도움|알려|답변|제공|대답|응답|작성|수행|처리"
    r"|지원)[^\n.]*?(?:수 ?없|못|어렵|불가)",
    # Arabic
    r"(?:عذر[اً]+|آسف|أعتذر|نعتذر|للأسف|معذرة|أنا آسف)[^\n]*?(?:لا (?:أستطيع|يمكنني|أقدر)|لن أتمكن|غير قادر)"
    r"[^\n.]*?(?:مساعد|الإجابة|تقديم|الرد|تلبية|كتابة|إنشاء)",
)
_FIRST = r"(?i)^[\s\p{P}\p{S}]*"
_LATER = rf"(?i)[.!?] (?:so )?i{_HOW} ?{_CANNOT}{_HOW} (?:help|assist)(?: you)? with (?:that|this|it)\b"
_REFUSES = (f"{_FIRST}(?:{'|'.join((*_STRONG, *_OTHERS))})", _LATER)
_MAY_REFUSE = (f"{_FIRST}(?:{'|'.join(_WEAK)})",)
_DECLINING = (
    r"(?i)\b(?:refus|declin|reject|apolog|regret|turn(?:s|ed|ing)? (?:\w+ )?down\b|say(?:s|ing)? no\b|sorry\b|den(?:y"
    r"|ial|ies|ied)\b"
    r"|ablehn|absag|tut mir leid|entschuldig|décliner|désolé|rechaz|disculp|lo siento|rifiut|mi dispiace|recus|desculp"
    r"|weiger|het spijt|przepraszam|przykro)"
    r"|отказ|извин|прост|拒|道歉|抱歉|对不起|對不起|断り|申し訳|すみません|거절|사과|죄송|미안|اعتذ|رفض|آسف|عذر"
)
_WRITING = (
    r"(?i)\b(?:how (?:to|do i|can i|should i) (?:respond|say|reply|answer|tell|phrase|word)|what (?:do|should"
    r"|can) i (?:say|write|tell|reply)|e-?mails?|letters?|reply|replies|message|dialog\w*|story|stories|role-?play"
    r"|scripts?|scene|conversation"
    r"|customers?"
    r"|poems?|songs?|lyrics|speech|quot\w+|sentences?|translat\w+|rewrite|rephrase|paraphrase|continue|complete"
    r"|character|pretend|tweet|post|review|diary|monolog\w*)\b"
)
_PHRASE = rf"(?i)\bi{_HOW} ?{_CANNOT}{_HOW} {_HELP}"
_NOT_A_REFUSAL = r"(?i)\bhelp (?:but|falling|it|myself|feeling|thinking|wondering|noticing|loving|smiling|laughing)\b"


def make(run: Run) -> Score:
    """0 for none, up to 1 for a short answer that refuses with its first words."""
    return Score({"refusal": pa.float64(), "_refusal_seen": pa.string()}, _write)


def _write(answers: Answers) -> list[pa.Array]:
    heads = pc.utf8_slice_codeunits(answers.texts, 0, PLACE)
    strong, weak = _any_of(heads, _REFUSES), _any_of(heads, _MAY_REFUSE)
    places = np.flatnonzero(strong | weak)
    score = np.zeros(len(answers))
    if len(places):
        prompts = answers.asked.take(pa.array(answers.of[places]))
        no_refusal = _any_of(heads.take(pa.array(places)), (_NOT_A_REFUSAL,)) | _any_of(prompts, (_DECLINING, _PHRASE))
        no_refusal |= ~strong[places] & _any_of(prompts, (_WRITING,))
        places = places[~no_refusal]
        score[places] = _weight(np.diff(answers.words.ends)[places])
    return [pa.array(score), pc.if_else(pa.array(score > 0), heads, "")]


def _any_of(texts: pa.StringArray, patterns: Sequence[str]) -> NDArray[np.bool_]:
    found = np.zeros(len(texts), bool)
    for pattern in patterns:
        found |= np.asarray(pc.match_substring_regex(texts, pattern))
    return found


def _weight(words: NDArray[np.int64]) -> NDArray[np.float64]:
    """1 for a short answer, 0 for one that goes on to say something."""
    return np.clip((LONG - words) / (LONG - SHORT), 0.0, 1.0)
