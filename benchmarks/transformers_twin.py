"""Times what the published code computes for one described score, by Transformers and PEFT themselves, in bfloat16.

Needs torch, transformers and peft, and a model without a stem such as `benchmarks/run random-model LLAMA llama` writes:

    python benchmarks/transformers_twin.py --model llama --tokens 60 --rounds 3

The texts and images are random ones of the lengths that `benchmarks/run twin` has; the predictor is left out.
"""

import argparse
import json
import pathlib
import time

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.idefics2.configuration_idefics2 import Idefics2VisionConfig
from transformers.models.idefics2.modeling_idefics2 import Idefics2VisionTransformer

QUESTION = 230  # tokens, the pictures' among them
RATING = 30  # tokens that the second round adds to question and description
IMAGES, PATCHES = 3, 1035  # of a square of 512 pixels, each padded to the longest
HEAD_SIZE = 128  # of the resampler
DTYPE = torch.bfloat16


class Resampler(torch.nn.Module):
    """The queries look at all patches; their places are left out, which cost next to nothing."""

    def __init__(self, queries, width, vision_width):
        super().__init__()
        self.query = torch.nn.Parameter(torch.zeros(queries, width))
        self.kv_proj = torch.nn.Linear(vision_width, width, bias=False)
        self.attn = torch.nn.MultiheadAttention(width, width // HEAD_SIZE)
        self.ln_q = torch.nn.LayerNorm(width, eps=1e-6)
        self.ln_kv = torch.nn.LayerNorm(width, eps=1e-6)
        self.ln_post = torch.nn.LayerNorm(width, eps=1e-6)
        self.proj = torch.nn.Parameter(torch.zeros(width, width))

    def forward(self, features):
        seen = self.ln_kv(self.kv_proj(features)).permute(1, 0, 2)
        queries = self.ln_q(self.query).unsqueeze(1).repeat(1, features.shape[0], 1)
        mixed = self.attn(queries, seen, seen)[0]
        return self.ln_post(mixed.permute(1, 0, 2)) @ self.proj


class Twin:
    def __init__(self, folder):
        config = json.loads((folder / "base/config.json").read_text())
        weights = load_file(folder / "base/model.safetensors")
        vision = config["vision_config"]
        llama = LlamaConfig(
            **{key: config[key] for key in (
                "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
                "vocab_size", "max_position_embeddings", "rms_norm_eps", "rope_theta")},
            tie_word_embeddings=False, bos_token_id=None, eos_token_id=None, pad_token_id=0)
        llama._attn_implementation = "sdpa"
        self.llm = loaded(LlamaForCausalLM(llama), weights, "llm.")
        tower = Idefics2VisionConfig(**{key: vision[key] for key in (
            "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "image_size", "patch_size")})
        tower._attn_implementation = "eager"  # what 4.44 has without flash attention
        self.tower = loaded(Idefics2VisionTransformer(tower), weights, "vpm.")
        self.resampler = loaded(
            Resampler(config["query_num"], config["hidden_size"], vision["hidden_size"]), weights, "resampler.")
        self.patch = vision["patch_size"]
        self.embedding = self.llm.model.embed_tokens
        adapter = json.loads((folder / "adapter/adapter_config.json").read_text())
        self.llm = get_peft_model(self.llm, LoraConfig(
            r=adapter["r"], lora_alpha=adapter["lora_alpha"],
            target_modules=["q_proj", "k_proj", "v_proj", "o_proj"])).eval()

    def encode(self):
        """The tower as the published code calls it: patches side by side in one row, in one padded batch."""
        pixels = torch.rand(IMAGES, 3, self.patch, self.patch * PATCHES).to(DTYPE)
        state = self.tower.embeddings.patch_embedding(pixels).flatten(2).transpose(1, 2)
        state = state + self.tower.embeddings.position_embedding(torch.zeros(PATCHES, dtype=torch.long))
        for layer in self.tower.encoder.layers:
            made = layer(state, None)
            state = made[0] if isinstance(made, tuple) else made
        return self.resampler(self.tower.post_layernorm(state)).flatten(0, 1)

    def embed(self, tokens, pictures):
        text = self.embedding(torch.randint(self.embedding.num_embeddings, (1, tokens)))
        text[0, 10:10 + len(pictures)] = pictures
        return text

    def generate(self, embeddings, tokens):
        self.llm.generate(
            inputs_embeds=embeddings, attention_mask=torch.ones(1, embeddings.shape[1], dtype=torch.long), num_beams=3,
            do_sample=False, repetition_penalty=1.2, max_new_tokens=tokens, min_new_tokens=tokens, pad_token_id=0)

    def logits(self, embeddings):
        return self.llm(inputs_embeds=embeddings).logits.float()


def loaded(module, weights, prefix):
    own = {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
    module.load_state_dict(own)
    return module.to(DTYPE).eval()


def score(twin, tokens):
    """Seconds of each part."""
    seconds = {}

    def timed(part, computation):
        start = time.perf_counter()
        made = computation()
        seconds[part] = time.perf_counter() - start
        return made

    question = twin.embed(QUESTION, timed("encode", twin.encode))
    timed("generate one", lambda: twin.generate(question, 1))
    timed("generate all", lambda: twin.generate(question, tokens))
    timed("question", lambda: twin.logits(question.repeat(3, 1, 1)))
    again = twin.embed(QUESTION + tokens + RATING, timed("encode again", twin.encode))
    timed("second round", lambda: twin.logits(again))
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    twin = Twin(given.model)
    for round in range(-1, given.rounds):
        with torch.no_grad():
            seconds = score(twin, given.tokens)
        around = seconds["encode"] + seconds["encode again"] + seconds["second round"]
        decoding = seconds["generate all"] - seconds["generate one"]
        print(
            "to warm up:" if round < 0 else "a score:",
            "%.2f s as it is," % (around + seconds["generate all"]),
            "%.2f s with the question's logits as 4.44 makes them;" % (around + seconds["question"] + decoding),
            ", ".join("%s %.2f" % part for part in seconds.items()), flush=True)


main()
