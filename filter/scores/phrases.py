"""What models say of themselves, and the marks of their templates, as patterns that RE2 and `re` read alike: our own phrases.

RE2 knows a word's edge only between ASCII letters: phrases in other scripts do without.
"""

_MODEL = (
    r"(?:(?:large |ai )?language model|ai(?: (?:language model|assistant|chatbot|model|system|program|bot))?"
    r"|artificial intelligence(?: language model| \w+)?|chatbot|llm|virtual assistant)"
)
_MADE = r"(?:developed|trained|created|made|built|designed)"
MAKERS = (
    r"OpenAI|Anthropic|Google(?: DeepMind)?|Meta(?: AI)?|Mistral(?: AI)?|Alibaba(?: Cloud)?|DeepSeek|xAI|Microsoft"
    r"|Moonshot(?: AI)?|Zhipu|Baidu|Cohere|阿里|百度|深度求索|字节"
)
_OWN_NAMES = r"ChatGPT|Bing Chat|GPT-\d\w*|Qwen|DeepSeek|ChatGLM|通义千问|文心一言|豆包|智谱清言"
"""People and signs of the zodiac have other names."""
NAMES = rf"{_OWN_NAMES}|Claude|Gemini|Bard|Llama|Mistral|Mixtral|Grok|Copilot|Kimi|Ernie|Doubao|Gemma|Phi-\d"

AS_A_MODEL = "|".join(
    (
        rf"(?:^|[^\"“'‘«\w])(?:as|being|i[’']?m(?: just| only)?|i am(?: just| only)?) an? {_MODEL}"
        rf"(?:,? {_MADE} by [\w ]+?)?(?:,? (?:i|it[’']s not|it is not|so)\b|[.;!]|, (?:there|we don|my|your|this|while"
        r"|it|one|let)\b"
        rf"|,? and (?:i|don|do|can)\b| without\b| {_MADE} by\b)",
        rf"\bi (?:do not|don[’']t|cannot|can[’']t) [^.\n]*? as an? {_MODEL}[,.;!]",
        r"\bals (?:ki|künstliche intelligenz|(?:ki-?|großes )?sprachmodell)\b,? ?(?:-?\w+ )?(?:kann|habe|bin|verfüge"
        r"|besitze|darf) ich\b",
        r"\bich bin (?:nur )?(?:eine? )?(?:ki|künstliche intelligenz|sprachmodell)(?:-\w+)?\b",
        r"\ben tant qu(?:[’']|e )(?:ia|intelligence artificielle|(?:grand )?modèle (?:de langage|linguistique)"
        r"|assistant (?:ia|virtuel))\b"
        r"[^.\n]*?\b(?:je|j[’']|mon|ma|mes)\b",
        r"\bcomo (?:una? )?(?:ia|inteligencia artificial|modelo (?:de lenguaje|de ia|lingüístico))\b"
        r"[^.\n]*?\b(?:no|yo|mi|mis|tengo|puedo|soy)\b",
        r"\bcomo (?:uma? )?(?:ia|inteligência artificial|modelo de (?:linguagem|ia))\b"
        r"[^.\n]*?\b(?:não|eu|meu|minha|tenho|posso|sou)\b",
        r"\b(?:in quanto|come) (?:ia|intelligenza artificiale|modello (?:linguistico|di linguaggio|ai))\b"
        r"[^.\n]*?\b(?:non|io|mio|mia|posso|ho|sono)\b",
        r"\bals (?:ai|taalmodel|ai-taalmodel|kunstmatige intelligentie)\b[^.\n]*?\b(?:kan|heb|ben) ik\b",
        r"(?:как|будучи) (?:(?:большая |большой )?языков[а-я]+ модел[а-я]+|искусственн[а-я]+ интеллект[а-я]*"
        r"|ии)[ ,][^.\n]*?(?:я|мне) ",
        r"я [—–-]+ (?:языковая модель|искусственный интеллект|ии)[ ,.]",
        r"(?:作为|作為|身为|我(?:只)?是)(?:一个|一個|一款|一名|一种)?(?:由[^。\n]*?(?:开发|训练|研发)的)?(?:ai"
        r"|人工智能|人工智慧|大型|大)*"
        r"(?:语言模型|語言模型|人工智能助手|ai助手|人工智能|ai)(?:[，,。]|我|没有|無法|无法)",
        r"(?:ai|人工知能|大規模)(?:の)?(?:言語モデル|アシスタント)?(?:として|である私|ですので|なので)、?(?:私|好み|個人的"
        r"|感情|意見|リアルタイム)",
        r"(?:ai|인공지능)(?: ?언어 ?모델| ?모델| ?어시스턴트)?(?:로서|이기 때문에|이므로)",
        r"(?:كنموذج لغ|بصفتي (?:نموذج|ذكاء|مساعد))",
    )
)

WHICH_MODEL = "|".join(
    (
        r"(?:\b(?:i[’']?m|i am|my name is|this is|ich bin|je suis|soy|sou|sono|ik ben) ?|(?:меня зовут|я|我是|我叫"
        r"|私は|저는)[ —–-]*)"
        r"(?:called |an? ai (?:model|assistant) (?:called|named) )?"
        rf"(?:{_OWN_NAMES}|(?:{NAMES})\b[^.\n]*?\b(?:ai|assistant|modell?|modèle|modelo|{MAKERS})\b)",
        rf"\b(?:i[’']?m|i am|i was)\b[^.\n]*?\b(?:model|assistant|chatbot|ai)\b[^.\n]*?\b{_MADE} by (?:{MAKERS})\b",
        rf"\b(?:i[’']?m|i am|i was) (?:developed|created|built|made) by (?:{MAKERS})\b",
        rf"\b(?:von|par|por|da|door) (?:{MAKERS})\b (?:entwickelt|trainiert|développé|entraîné|desarrollado|entrenado"
        r"|creado|desenvolvido"
        r"|treinado|sviluppato|addestrato|ontwikkeld)",
        rf"(?:我|私|저)[^。\n]*?(?:{MAKERS})[^。\n]*?(?:开发|開発|训练|创建|研发|개발)",
    )
)

CUT_OFF = "|".join(
    (
        r"\bmy (?:knowledge|training)(?: data| base)?(?: cut-?off| only (?:goes|extends|includes)"
        r"| (?:goes|extends|is (?:current|limited|based|up to date)|was last updated|ends|stops|includes)[^.\n]*?"
        r"\b(?:to|until|through|up to|as of|in|on)\b)",
        r"\b(?:as of|up to|until|beyond|since|after|based on) my (?:last|latest|most recent|current|knowledge|training)"
        r" ?(?:knowledge |training |data )*(?:update|cut-?off|data|knowledge|training)\b",
        r"\bmy last (?:knowledge |training )?update\b",
        r"\b(?:knowledge|training data) cut-?off (?:date|is|of|in|was)\b",
        r"\bi (?:do not|don[’']t|cannot|can[’']t) (?:have (?:access to )?|access |provide |browse )(?:the internet"
        r"|(?:real-?time|live|up-to-date|current)(?: \w+)? (?:data|information|access|updates|news|events|prices"
        r"|weather))\b",
        r"\bi was last (?:trained|updated) (?:in|on) ",
        r"\bmeine? (?:wissensstand|trainingsdaten|wissen) (?:reich\w+|geh\w+|endet|ist|stammen|sind)[^.\n]*?\b(?:bis"
        r"|auf|von|aus)\b",
        r"\bstand meine[sr] (?:letzten|wissens|trainings)",
        r"\bma (?:dernière mise à jour|date (?:limite|de coupure))",
        r"\bmes (?:connaissances|données d[’']entraînement) (?:s[’']arrêtent|vont jusqu|sont limitées|datent|ne vont)",
        r"\bmi (?:última actualización|fecha de corte|conocimiento (?:llega|se limita|está actualizado))",
        r"\bminha (?:última atualização|data de corte)",
        r"\bmio ultimo aggiornamento",
        r"мо[ия] (?:знания|база знаний|данные)[^.\n]*?(?:ограничен|обновл|актуальн|заканчива)",
        r"(?:截至|截止|到)我(?:的)?(?:上次|最后|最後|最近|知识|知識|训练)",
        r"我的(?:知识|知識|训练数据|資料)(?:库)?(?:只|仅|是|的)?(?:截止|截至|更新)",
        r"私の(?:知識|学習データ|トレーニングデータ)[^。\n]*?(?:まで|時点|カットオフ)",
        r"제 (?:지식|학습 ?데이터)[^.\n]*?(?:까지|기준)",
    )
)

TEMPLATE_MARK = "|".join(
    (
        r"<\|(?:im_start|im_end|im_sep|endoftext|eot_id|eom_id|start_header_id|end_header_id|begin_of_text|end_of_text"
        r"|user|assistant"
        r"|system|end|start|message|channel|return|endofprompt|end_of_turn|startoftext|python_tag|(?:START|END)_[A-Z_]+)\|>",
        r"<｜[^｜\n]+｜>|\[/?INST\]|<</?SYS>>|</?(?:start|end)_of_turn>|\[\|(?:Human|AI|endofturn)\|\]|^<extra_id_\d>",
        r"^### Instruction:|^### (?:Human|Assistant|User):|\A### (?:Response|Answer):|\A(?:<s>|<bos>)|(?:</s>|<eos>)\s*\Z",
    )
)

OWN_TURN = "|".join(
    (
        r"\A\s*(?:Assistant|ASSISTANT|ChatGPT|AI Assistant|Response|Model): *\S",
        r"\n\s*\n(?:Human|H): [^\n]+\n\s*\n(?:Assistant|A): ",
        r"\n\s*\nHuman: [^\n]+\Z",
        r"^(?:#+ ?)?(?:Human|User|USER|Instruction|user)(?::.*|\s*)\n(?:.*\n)*?(?:#+ ?)?(?:Assistant|ASSISTANT|AI"
        r"|ChatGPT|Bot|assistant)(?::|\s*\n)",
    )
)

# What a prompt may say that accounts for such words.

ABOUT_MODELS = (
    r"\b(?:a\.?i\.?|artificial intelligence|robots?|androids?|language models?|llms?|chat ?bots?|machines?|chatgpt|gpt"
    r"|assistant"
    r"|computer)\b|人工智能|人工智慧|机器人|ロボット|로봇"
)
PLAY = (
    r"\b(?:story|stories|tale|poem|dialog\w*|script|scene|monolog\w*|role-?play\w*|pretend|imagine|character"
    r"|perspective|persona"
    r"|speech|interview|conversation|novel|fiction\w*|diary|letter|narrat\w+|act as|song|haiku|translat\w*|rephrase"
    r"|paraphrase|rewrite"
    r"|correct|summari[sz]e|example)\b|故事|扮演|翻译|翻譯"
)
WHO_ARE_YOU = (
    r"\b(?:who|what) (?:are|r) (?:you|u)\b|\bare you (?:an?|the|really|actually|human|conscious|sentient|alive|real"
    r"|chatgpt|claude|gpt)\b"
    r"|\byour(?:self| name| creator| maker| developer| model| training| knowledge| cut-?off| feelings?| consciousness)\b"
    r"|\bwho (?:made|created|built|trained|developed) you\b|\bdo you (?:have|feel|dream|sleep|eat|think|know who|like"
    r"|love)\b"
    r"|\bknowledge cut-?off\b|\bwer bist du\b|\bqui (?:es-tu|êtes-vous)\b|\bquién eres\b|\bquem é você\b|\bchi sei\b"
    r"|кто ты|кто вы|你是谁|你是誰|你是什么|你叫什么|あなたは誰|あなたは何|누구|من أنت"
)
TEMPLATES = (
    r"\b(?:chat ?ml|chat templates?|special tokens?|prompt (?:format|template)s?|tokeni[sz]\w*|instruct\w* (?:format|tun\w+)"
    r"|fine-?tun\w+|alpaca|sharegpt|llama|few-?shot|in-context)\b"
)
DIALOGUE = (
    r"\b(?:dialog\w*|conversations?|chats?|chat ?bots?|transcripts?|interviews?|scripts?|role-?play\w*|screenplay"
    r"|exchange|turns?|talk"
    r"|utterances?|user stor\w+|examples?|messages?|question and answer|q&a)\b|对话|對話|会話|대화"
)
