//! Which class of `transformers` reads the folder, and what that changes.

use serde_json::Value;

use super::TokenizerError;
use super::read::Settings;

/// How a tokenizer is made of `tokenizer.json`. The names are those of
/// `transformers` 5, which drops the ending `Fast`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenizerClass {
    /// `TokenizersBackend`, once `PreTrainedTokenizerFast`: the file as it stands.
    Backend,
    /// `LlamaTokenizer`.
    Llama,
    /// `CodeLlamaTokenizer`.
    CodeLlama,
    /// `GPT2Tokenizer`.
    Gpt2,
    /// `GPTNeoXTokenizer`.
    GptNeoX,
    /// `Qwen2Tokenizer`.
    Qwen2,
    /// `GemmaTokenizer`.
    Gemma,
}

/// Names of the classes that take `tokenizer.json` as it stands.
const AS_IT_STANDS: [&str; 5] = [
    "BloomTokenizer",
    "PreTrainedTokenizer",
    "PreTrainedTokenizerFast",
    "PythonBackend",
    "TokenizersBackend",
];

impl TokenizerClass {
    /// The class that `AutoTokenizer` of `transformers` 5 takes. It depends on
    /// the family of the model too: those of Mistral and Phi-3 are known to
    /// name a wrong class.
    pub(super) fn of(
        config: &Settings,
        model: &Settings,
        tokenizer_json: &str,
    ) -> Result<Self, TokenizerError> {
        const FIELD: &str = "tokenizer_class";
        let (file, name) = match config.string(FIELD)? {
            Some(name) => (config, Some(name)),
            None => (model, model.string(FIELD)?),
        };
        let of_family = match model.get("model_type").and_then(Value::as_str) {
            Some("mistral" | "phi3") => return Ok(Self::Backend),
            Some("gpt_neox") => Some(Self::GptNeoX),
            _ => None,
        };
        let Some(name) = name else {
            return match of_family {
                None if needs_code(config) => Err(code(config, "no class")),
                known => Ok(known.unwrap_or(Self::Backend)),
            };
        };
        if AS_IT_STANDS.contains(&name) {
            return Ok(Self::Backend);
        }
        Ok(match name.strip_suffix("Fast").unwrap_or(name) {
            // Llama 3: the class stands for SentencePiece, the file does not.
            "LlamaTokenizer" if tokenizer_json.contains("\"ByteLevel\"") => Self::Backend,
            "LlamaTokenizer" => Self::Llama,
            "CodeLlamaTokenizer" => Self::CodeLlama,
            "GPT2Tokenizer" => Self::Gpt2,
            "GPTNeoXTokenizer" => Self::GptNeoX,
            "Qwen2Tokenizer" => Self::Qwen2,
            "GemmaTokenizer" => Self::Gemma,
            other if is_other(other) => {
                let reason = format!(
                    "{FIELD} is {name}, which changes what tokenizer.json says in a way that is \
                     not known here; where tokenizer.json is all there is to it, set {FIELD} to \
                     \"PreTrainedTokenizerFast\""
                );
                return Err(TokenizerError::unsupported(&file.path, &reason));
            }
            other if AS_IT_STANDS.contains(&other) => Self::Backend,
            other if of_family.is_none() && needs_code(config) => return Err(code(config, other)),
            _ => {
                tracing::warn!(
                    file = %file.path.display(), class = name,
                    "no tokenizer class of transformers 5: tokenizer.json is taken as it stands"
                );
                Self::Backend
            }
        })
    }

    /// Names of the special tokens that hold where no file says otherwise.
    pub(super) fn defaults(self) -> &'static [(&'static str, &'static str)] {
        const END: &str = "<|endoftext|>";
        match self {
            Self::Backend => &[],
            Self::Llama => &[("unk_token", "<unk>"), ("bos_token", "<s>"), ("eos_token", "</s>")],
            Self::CodeLlama => &[
                ("unk_token", "<unk>"),
                ("bos_token", "<s>"),
                ("eos_token", "</s>"),
                ("prefix_token", "▁<PRE>"),
                ("middle_token", "▁<MID>"),
                ("suffix_token", "▁<SUF>"),
                ("eot_token", "▁<EOT>"),
                ("fill_token", "<FILL_ME>"),
            ],
            Self::Gpt2 => &[("unk_token", END), ("bos_token", END), ("eos_token", END)],
            Self::GptNeoX => &[
                ("unk_token", END),
                ("bos_token", END),
                ("eos_token", END),
                ("pad_token", "<|padding|>"),
            ],
            Self::Qwen2 => &[("unk_token", END), ("eos_token", END), ("pad_token", END)],
            Self::Gemma => &[
                ("unk_token", "<unk>"),
                ("bos_token", "<bos>"),
                ("eos_token", "<eos>"),
                ("pad_token", "<pad>"),
                ("mask_token", "<mask>"),
            ],
        }
    }
}

/// Whether `name` is a class that is known to build a pipeline of another kind.
fn is_other(name: &str) -> bool {
    name.strip_suffix("Tokenizer").is_some_and(|n| OTHERS.split(' ').any(|other| other == n))
}

/// Whether the folder brings a tokenizer class of its own, as Python code.
fn needs_code(config: &Settings) -> bool {
    match config.get("auto_map") {
        Some(Value::Array(_)) => true,
        Some(map) => !map["AutoTokenizer"].is_null(),
        None => false,
    }
}

fn code(config: &Settings, class: &str) -> TokenizerError {
    let reason = format!(
        "auto_map names Python code for the tokenizer ({class}), which is not run; where \
         tokenizer.json is all there is to it, set tokenizer_class to \"PreTrainedTokenizerFast\" \
         and take auto_map out"
    );
    TokenizerError::unsupported(&config.path, &reason)
}

/// The other classes of `transformers` 5.23, without `Tokenizer` and `Fast`: each would
/// build its own pipeline around the vocabulary of `tokenizer.json`.
const OTHERS: &str = "\
    Albert Bart Barthez Bartpho BertGeneration BertJapanese Bert Bertweet BigBird BioGpt \
    BlenderbotSmall Blenderbot ByT5 CLIP CTRL Camembert Canine Clvp CodeGen Cohere ConvBert \
    CpmAnt Cpm DPRContextEncoder DPRQuestionEncoder DPRReader Deberta DebertaV2 Dia DistilBert \
    Esm Esmc FNet FSMT FastSpeech2Conformer Flaubert Funnel GPTNeoXJapanese GPTSw3 \
    Herbert LED Lasr LayoutLMv2 LayoutLMv3 LayoutXLM Luke Lxmert M2M100 MBart50 MBart MLuke \
    MPNet Marian MarkupLM Mgpstr MobileBert Mvp MyT5 Nllb Nougat OpenAIGPT PLBart Parakeet \
    Pegasus Perceiver Phobert Pop2Piano ProphetNet Qwen3_5 Rag Reformer RemBert RoCBert \
    RoFormer Roberta SeamlessM4T Siglip2 Siglip Speech2Text SpeechT5 Splinter SqueezeBert T5 \
    Tapas Tipsv2 Udop VideoPrism Vits Wav2Vec2CTC Wav2Vec2PhonemeCTC Whisper XGLM XLMRoberta \
    XLM XLNet";
