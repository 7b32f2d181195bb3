"""Times a model with transformers alone, as a script that knows nothing of Potstill; a job in JSON as its one argument.

The time to the first token is when `generate` first asks whether to stop. The same prompts are streamed as well, through
`TextIteratorStreamer` to another thread: when text reaches a reader is another figure, since decoding and handing over each
token takes its time from the next. Batches are padded on the left. Prints one line of JSON and waits for standard input to
close, so that whoever started it can read its memory.
"""

import json
import sys
import time
from pathlib import Path
from statistics import median
from threading import Thread

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, StoppingCriteria, TextIteratorStreamer


def main() -> None:
    job = json.loads(sys.argv[1])
    torch.set_num_threads(job["threads"])
    tokenizer = AutoTokenizer.from_pretrained(job["folder"], padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(job["folder"], dtype=torch.float32).eval()
    cap, asked = job["max_new_tokens"], job["conversations"]
    answer(model, tokenizer, asked[0], cap)
    alone = [answer(model, tokenizer, messages, cap) for messages in asked]
    streams = [stream(model, tokenizer, messages, cap) for messages in asked]
    full = [asked[at % len(asked)] for at in range(job["batch_size"])]
    write(model, tokenizer, full, 8)
    speeds = [write(model, tokenizer, full, cap) for _ in range(job["repeats"])]
    told = {
        "ttft_p50_s": median(first for first, _ in alone),
        "p50_s": median(whole for _, whole in alone),
        "streamed": [median(first for first, _ in streams), median(whole for _, whole in streams)],
        "tokens_per_second": sum(speeds) / len(speeds),
        "parameters": model.num_parameters(),
        "bytes": sum(path.stat().st_size for path in Path(job["folder"]).iterdir()),
    }
    print(json.dumps(told), flush=True)
    sys.stdin.read()


class Clock(StoppingCriteria):
    """Never stops an answer; remembers when its first token was there."""

    first: float | None = None

    def __call__(self, input_ids, scores, **_):  # pyright: ignore[reportIncompatibleMethodOverride]: a tensor of bools is one
        self.first = self.first or time.perf_counter()
        return torch.zeros(input_ids.shape[0], dtype=torch.bool)


def answer(model, tokenizer, messages, cap: int) -> tuple[float, float]:
    """Seconds from one conversation to the first token of its answer, and to its text."""
    began, clock = time.perf_counter(), Clock()
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    with torch.inference_mode():
        whole = model.generate(**prompt, max_new_tokens=cap, do_sample=False, stopping_criteria=[clock])
    tokenizer.decode(whole[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
    return (clock.first or time.perf_counter()) - began, time.perf_counter() - began


def stream(model, tokenizer, messages, cap: int) -> tuple[float, float]:
    """Seconds until a reader in another thread has the first piece of the answer, and the whole."""
    began = time.perf_counter()
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
    settings = {"streamer": streamer, "max_new_tokens": cap, "do_sample": False}
    thread = Thread(target=model.generate, kwargs={**prompt, **settings})
    thread.start()
    next(streamer, None)  # one piece for each token, empty while a word is not whole
    first = time.perf_counter() - began
    "".join(streamer)
    thread.join()
    return first, time.perf_counter() - began


def write(model, tokenizer, conversations, cap: int) -> float:
    """Tokens per second of one batch."""
    began = time.perf_counter()
    texts = [tokenizer.apply_chat_template(one, add_generation_prompt=True, tokenize=False) for one in conversations]
    batch = tokenizer(texts, padding=True, add_special_tokens=False, return_tensors="pt", return_token_type_ids=False)
    with torch.inference_mode():
        whole = model.generate(**batch, max_new_tokens=cap, do_sample=False)
    written = whole[:, batch["input_ids"].shape[1] :]
    tokenizer.batch_decode(written, skip_special_tokens=True)
    seconds = time.perf_counter() - began
    ends = model.generation_config.eos_token_id
    ends = torch.tensor(ends if isinstance(ends, list) else [ends])
    # Every token before the end of turn, and the end of turn itself.
    before = torch.isin(written, ends).cumsum(dim=1) == 0
    return float((before.sum(dim=1) + 1).clamp(max=written.shape[1]).sum()) / seconds


if __name__ == "__main__":
    main()
