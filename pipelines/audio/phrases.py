"""What people say to a home: patterns with slots, by intent, some for training and others for evaluation.

The evaluation asks for the same things in words that the training patterns partly lack, so that a model
which only knows words must err. `training_texts` fills every pattern of the first kind; `evaluation_text`
draws one of the second kind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

INTENTS = ("alarm", "heating", "lights", "message", "music", "route", "shopping", "weather")

SLOTS: Mapping[str, Sequence[str]] = {
    "room": ("kitchen", "bedroom", "bathroom", "hallway", "garage", "office", "living room"),
    "person": ("mother", "my brother", "Anna", "David", "Peter", "my boss", "Laura"),
    "place": ("the airport", "the station", "the office", "the hospital", "London", "the museum", "Boston"),
    "hour": ("six", "seven", "half past eight", "nine thirty", "ten", "eleven"),
    "day": ("tomorrow", "on Monday", "on Friday", "tonight", "this weekend", "next week"),
    "style": ("jazz", "rock", "classical", "dance", "piano", "country"),
    "food": ("milk", "bread", "eggs", "apples", "coffee", "butter", "rice"),
    "degrees": ("eighteen", "nineteen", "twenty", "twenty one"),
}

TRAINING: Mapping[str, Sequence[str]] = {
    "alarm": (
        "wake me up at {hour}",
        "set an alarm for {hour}",
        "set the alarm {day} at {hour}",
        "cancel my alarm {day}",
        "start a timer for {hour} minutes",
        "remind me at {hour}",
        "please set a timer for {hour} minutes",
        "I want to sleep until {hour} {day}",
        "wake {person} {day}",
    ),
    "heating": (
        "set the heating to {degrees} degrees",
        "make the {room} warmer",
        "turn up the heating in the {room}",
        "turn off the heater in the {room}",
        "what is the temperature in the {room}",
        "it is too cold in the {room}",
        "please set the {room} to {degrees} degrees",
        "is the heater in the {room} still on",
        "turn the thermostat down {day}",
    ),
    "lights": (
        "turn on the lights in the {room}",
        "turn off the light in the {room}",
        "switch off the {room} lamp",
        "make the lights in the {room} brighter",
        "dim the lights in the {room}",
        "switch on every light {day}",
        "please make the {room} bright",
        "it is dark in the {room}",
        "are the lights in the {room} off",
    ),
    "message": (
        "send a message to {person}",
        "call {person} at {hour}",
        "write an email to {person}",
        "tell {person} I am late",
        "read my messages from {person}",
        "answer the email from {person}",
        "please call {person} {day}",
        "did {person} call me",
        "send {person} a text {day}",
    ),
    "music": (
        "play some {style} music",
        "play the next song",
        "turn up the volume of the music",
        "play my {style} playlist in the {room}",
        "stop the music in the {room}",
        "play a {style} song for {person}",
        "I would like to hear a {style} album",
        "play something by my favorite band",
        "put on some {style}",
    ),
    "route": (
        "show me the way to {place}",
        "navigate to {place}",
        "how do I get to {place}",
        "find the fastest route to {place}",
        "how is the traffic to {place}",
        "take me to {place}",
        "give me the best route to {place}",
        "how long is the way to {place}",
        "when is the next bus to {place}",
    ),
    "shopping": (
        "add {food} to the shopping list",
        "put {food} and {food} on my list",
        "buy some {food} {day}",
        "we need more {food}",
        "what is on my shopping list",
        "remove {food} from the list",
        "we have no {food} any more",
        "please order {food}",
        "get me some {food} {day}",
    ),
    "weather": (
        "will it rain {day}",
        "what is the weather {day}",
        "is it going to be sunny {day}",
        "tell me the weather in {place}",
        "do I need an umbrella {day}",
        "how cold will it be {day}",
        "is there going to be snow {day}",
        "what is the forecast for {place}",
        "how hot is it in {place}",
    ),
}

EVALUATION: Mapping[str, Sequence[str]] = {
    "alarm": (
        "set my alarm to {hour} {day}",
        "please wake {person} at {hour}",
        "I have to get up at {hour} {day}",
        "let me sleep until {hour}",
        "stop the timer in the {room}",
        "delete every alarm {day}",
    ),
    "heating": (
        "please turn the heating down in the {room}",
        "I would like it a bit warmer in the {room}",
        "heat the {room} to {degrees} degrees",
        "is the radiator in the {room} on",
        "I am freezing in the {room}",
        "set the thermostat to {degrees}",
    ),
    "lights": (
        "please turn the {room} lights on",
        "lights off in the {room}",
        "it is too dark in the {room}",
        "is the lamp in the {room} still on",
        "make the {room} bright {day}",
        "light up the {room} at {hour}",
    ),
    "message": (
        "please send {person} an email",
        "phone {person} {day}",
        "text {person} that I will be late",
        "did {person} write to me",
        "let {person} know I am on my way",
        "I want to speak to {person} {day}",
    ),
    "music": (
        "I want to hear some {style} music",
        "please play a {style} album in the {room}",
        "turn the {style} music off",
        "skip this track",
        "put on something by a {style} band",
        "make this song louder in the {room}",
    ),
    "route": (
        "what is the best way to {place}",
        "I have to be at {place} by {hour}",
        "give me directions to {place}",
        "how long does it take to drive to {place}",
        "how far away is {place}",
        "is there a bus to {place} {day}",
    ),
    "shopping": (
        "please put {food} on the shopping list",
        "we are out of {food}",
        "order two packs of {food}",
        "I am going to buy {food} {day}",
        "do we still need {food}",
        "get {food} at the supermarket",
    ),
    "weather": (
        "what will the weather be like {day}",
        "is there any rain in {place} {day}",
        "should I wear a warm coat {day}",
        "are we going to have snow {day}",
        "give me the forecast for {place}",
        "how hot will it get in {place}",
    ),
}


@dataclass(frozen=True, slots=True)
class Said:
    """A request in words, and what it is about."""

    text: str
    intent: str


def training_texts(seed: int, per_pattern: int) -> list[Said]:
    """Return *per_pattern* fillings of each training pattern, without repetition."""
    rng = np.random.default_rng(seed)
    said = [
        Said(_filled(pattern, rng), intent)
        for intent, patterns in TRAINING.items()
        for pattern in patterns
        for _ in range(per_pattern)
    ]
    return list(dict.fromkeys(said))


def evaluation_text(rng: np.random.Generator) -> Said:
    """Draw an intent, one of its evaluation patterns and words for its slots."""
    intent = INTENTS[int(rng.integers(len(INTENTS)))]
    patterns = EVALUATION[intent]
    return Said(_filled(patterns[int(rng.integers(len(patterns)))], rng), intent)


def vocabulary() -> frozenset[str]:
    """Return every word that can be said: of all patterns and of all slots."""
    texts = [text for patterns in (*TRAINING.values(), *EVALUATION.values()) for text in patterns]
    texts += [text for words in SLOTS.values() for text in words]
    return frozenset(word for text in texts for word in re.sub(r"\{\w+\}", " ", text).lower().split())


def _filled(pattern: str, rng: np.random.Generator) -> str:
    def word(slot: re.Match[str]) -> str:
        words = SLOTS[slot[1]]
        return words[int(rng.integers(len(words)))]

    return re.sub(r"\{(\w+)\}", word, pattern).lower()
