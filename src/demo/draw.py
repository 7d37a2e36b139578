#!/usr/bin/env python3
"""Draws every media file of the demo API:  python3 src/demo/draw.py src/demo/media

Each element is a small scene of signed distances (x to the right, y up, z to the viewer), and one
numpy ray-marcher renders it from several sides. Needs numpy and Pillow; ffmpeg for the turntable
videos and the voices, and espeak-ng for the voices. Further arguments are the slugs to draw (all).
Nothing is random and no date is written, so the same tools make the same files again.
"""
import json
import os
import subprocess
import sys
import tempfile
from functools import lru_cache, reduce
from math import cos, pi, radians, sin, sqrt
from multiprocessing import Pool
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
from PIL import Image, ImageFilter

# ---------------------------------------------------------------- materials and scenes


@lru_cache(None)
def mat(text):
    """A material '#rrggbb gloss glow' as a column: linear red, green, blue, gloss, glow."""
    words = text.split() + [".15", "0"][len(text.split()) - 1:]
    rgb = [(int(words[0][i:i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)]
    return np.array(rgb + [float(w) for w in words[1:]], np.float32)[:, None]


class Scene:
    """The distance to the nearest shape so far and, unless `plain`, the material at each point."""

    def __init__(self, count, plain):
        self.d, self.plain = np.full(count, 9, np.float32), plain
        self.m = None if plain else np.zeros((5, count), np.float32)

    def add(self, material, *shapes, k=0.0):
        """Adds shapes of one material; with k, melted together over that width."""
        for d in shapes:
            h = np.clip(0.5 + (self.d - d) * (0.5 / k), 0, 1) if k else (d < self.d)
            self.d = self.d + (d - self.d) * h - k * h * (1 - h) if k else np.minimum(self.d, d)
            if not self.plain:
                self.m += (mat(material) - self.m) * h

    def cut(self, d, k=0.02):
        """Takes a shape away."""
        h = np.clip(0.5 - (self.d + d) * (0.5 / k), 0, 1)
        self.d = self.d - (d + self.d) * h + k * h * (1 - h)

    def paint(self, material, d, on=None, soft=0.001):
        """Colours the surface where d < 0 (only what is of the material `on`)."""
        h = np.clip(0.5 - d / soft, 0, 1)
        if on:
            h = h * (np.abs(self.m - mat(on)).max(0) < 0.1)
        self.m += (mat(material) - self.m) * h


# ---------------------------------------------------------------- shapes: p is (x, y, z)


def norm(*v):
    return np.sqrt(sum(c * c for c in v))


def most(*d):
    """The intersection of shapes."""
    return reduce(np.maximum, d)


def at(p, c):
    return p[0] - c[0], p[1] - c[1], p[2] - c[2]


def mirror(p):
    return np.abs(p[0]), p[1], p[2]


def turn(p, axis, degrees, c=(0, 0, 0)):
    """Moves c to the origin and turns space about an axis through it."""
    q, s, k = list(at(p, c)), sin(radians(degrees)), cos(radians(degrees))
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    q[i], q[j] = k * q[i] + s * q[j], k * q[j] - s * q[i]
    return tuple(q)


def fold(p, n, shift=0.0):
    """Repeats the sector around +z n times about the y axis."""
    a = np.arctan2(p[0], p[2]) + shift
    a, r = a - np.round(a * (n / 2 / pi)) * (2 * pi / n), norm(p[0], p[2])
    return r * np.sin(a), p[1], r * np.cos(a)


def along(p, c, axis):
    """p relative to c, the axis last."""
    q = at(p, c)
    return [q[i] for i in {"x": (1, 2, 0), "y": (0, 2, 1), "z": (0, 1, 2)}[axis]]


def egg(p, c, r):
    """An ellipsoid, or a ball when r is one number."""
    if not isinstance(r, tuple):
        return norm(*at(p, c)) - r
    q = [a / b for a, b in zip(at(p, c), r)]
    k = norm(*q)
    return k * (k - 1) / (norm(*[a / b for a, b in zip(q, r)]) + 1e-6)


def limb(p, a, b, r1, r2=None):
    """A capsule from a to b whose radius goes from r1 to r2."""
    q, v = at(p, a), at(b, a)
    h = np.clip(sum(i * j for i, j in zip(q, v)) / sum(i * i for i in v), 0, 1)
    return norm(*[i - j * h for i, j in zip(q, v)]) - r1 - ((r1 if r2 is None else r2) - r1) * h


def chain(p, *joints):
    """Limbs through joints (x, y, z, radius), to be melted together."""
    return [limb(p, a[:3], b[:3], a[3], b[3]) for a, b in zip(joints, joints[1:])]


def box(p, c, half, r=0.03):
    q = [np.abs(a) - (b - r) for a, b in zip(at(p, c), half)]
    return norm(*[np.maximum(a, 0) for a in q]) + np.minimum(most(*q), 0) - r


def rod(p, c, r, half, axis="y", r2=None, soft=0.03):
    """A cylinder (from radius r to r2) along an axis, with soft edges."""
    u, v, w = along(p, c, axis)
    slope = 0 if r2 is None else (r2 - r) / 2 / half
    a, b = norm(u, v) - (r - soft) - slope * (w + half), np.abs(w) - (half - soft)
    d = np.minimum(np.maximum(a, b), 0) + norm(np.maximum(a, 0), np.maximum(b, 0)) - soft
    return d / sqrt(1 + slope * slope)


def ring(p, c, big, small, axis="y"):
    u, v, w = along(p, c, axis)
    return norm(norm(u, v) - big, w) - small


def smile(p, y, r):
    """A painted arc in front."""
    return most(np.abs(norm(p[0], p[1] - y) - r) - 0.017, p[1] - y + 0.25 * r, 0.2 - p[2])


def eyes(m, p, c, r, dark="#2b2030 .9"):
    """Two shining eyes at (+-x, y, z)."""
    m.add(dark, egg(mirror(p), c, (r, r * 1.25, r * 0.6)))
    for x in () if m.plain else (-c[0], c[0]):
        m.paint("#ffffff 0 .6", egg(p, (x - 0.3 * r, c[1] + 0.45 * r, c[2] + 0.5 * r), r * 0.42))


# ---------------------------------------------------------------- the scenes: shapes first, then paint


def robot(m, p):
    s, shell, dark, warm, lit, red = mirror(p), "#52bfbb .5", "#3d4a66 .5", "#ffb454 .5", "#8ff5ff .2 1", "#ff6f6f .6 .4"
    m.add(dark, rod(s, (0.2, 0.26, 0), 0.1, 0.2), rod(p, (0, 1, 0), 0.15, 0.12), limb(p, (0, 1.8, 0), (0, 2.02, 0), 0.03),
          limb(p, (-0.4, 0.82, 0), (-0.62, 0.48, 0.1), 0.085), limb(p, (0.4, 0.82, 0), (0.7, 0.98, 0.1), 0.085))
    m.add(shell, box(p, (0, 0.66, 0), (0.37, 0.32, 0.28), 0.16), box(p, (0, 1.42, 0), (0.56, 0.42, 0.42), 0.2))
    m.add(warm, egg(s, (0.21, 0.09, 0.06), (0.17, 0.12, 0.24)), box(p, (0, 0.7, -0.3), (0.24, 0.2, 0.13), 0.07),
          rod(s, (0.58, 1.42, 0), 0.17, 0.08, "x"), egg(p, (-0.64, 0.42, 0.12), 0.14), egg(p, (0.76, 1.04, 0.12), 0.14))
    m.add("#232b45 .9", box(p, (0, 1.41, 0.34), (0.43, 0.29, 0.12), 0.11))
    m.add(red, egg(p, (0, 2.08, 0), 0.1))
    if m.plain:
        return
    m.paint(lit, most(egg(s, (0.18, 1.46, 0.46), (0.07, 0.11, 0.2)), 0.2 - p[2]))
    m.paint(lit, smile(p, 1.33, 0.1))
    m.paint("#f4f7fa .4", rod(p, (0, 0.7, 0.3), 0.15, 0.1, "z"))
    m.paint(red, np.minimum(egg(s, (0.045, 0.72, 0.29), 0.062), box(turn(p, "z", 45, (0, 0.69, 0.29)), (0, 0, 0), (0.062, 0.062, 0.1))))
    for y, c in ((0.8, "#ff6f6f"), (0.7, "#fff3b0"), (0.6, "#7be0a5")):
        m.paint(c + " .3 .4", box(p, (0, y, -0.44), (0.14, 0.03, 0.05)))
    q = np.abs(s[0] - 0.22), p[1] - 1.42
    m.paint(dark, most(np.abs(np.mod(q[1] + 0.04, 0.08) - 0.04) - 0.016, np.abs(p[0]) - 0.24, np.abs(q[1]) - 0.17, p[2] + 0.2))


def fox(m, p):
    s, fur, white, dark = mirror(p), "#ee8438", "#fff4e6", "#5a3428"
    ear = turn(turn(s, "z", -16, (0.33, 1.55, 0.02)), "y", 16)
    m.add(fur, limb(p, (0, 0.38, -0.08), (0, 0.85, 0.02), 0.42, 0.27), egg(s, (0.28, 0.24, -0.02), (0.2, 0.26, 0.3)),
          limb(s, (0.15, 0.7, 0.22), (0.15, 0.12, 0.36), 0.1, 0.095), k=0.08)
    m.add(dark, egg(s, (0.16, 0.08, 0.42), (0.11, 0.09, 0.15)), k=0.05)
    m.add(fur, *chain(p, (0.15, 0.2, -0.4, 0.12), (0.52, 0.28, -0.48, 0.2), (0.68, 0.72, -0.42, 0.21)), k=0.1)
    m.add(white, limb(p, (0.68, 0.76, -0.42), (0.6, 1.12, -0.36), 0.2, 0.03), k=0.06)
    m.add(fur, egg(p, (0, 1.28, 0.08), (0.5, 0.42, 0.42)), k=0.08)
    m.add(white, limb(s, (0.36, 1.14, 0.12), (0.58, 1.1, 0.06), 0.19, 0.04), limb(p, (0, 1.18, 0.3), (0, 1.14, 0.62), 0.2, 0.08), k=0.12)
    m.add(fur, limb(ear, (0, 0, 0), (0, 0.46, 0), 0.22, 0.035), k=0.05)
    m.cut(limb(ear, (0, 0.06, 0.24), (0, 0.36, 0.12), 0.12, 0.03), 0.03)
    m.add("#2b2030 .8", egg(p, (0, 1.2, 0.7), (0.075, 0.06, 0.06)))
    eyes(m, p, (0.2, 1.32, 0.445), 0.075)
    if m.plain:
        return
    m.paint("#ffd9c2", most(limb(ear, (0, 0.02, 0.22), (0, 0.36, 0.11), 0.15, 0.04), 1.55 - p[1]))
    m.paint(dark, limb(ear, (0, 0.42, 0), (0, 0.6, 0), 0.08, 0.2), soft=0.05)
    m.paint(white, egg(p, (0, 0.68, 0.42), (0.2, 0.36, 0.3)), on=fur, soft=0.06)
    m.paint("#ff9d8a", most(egg(s, (0.33, 1.2, 0.4), (0.08, 0.05, 0.3)), 0.1 - p[2]), soft=0.02)


def owl(m, p):
    s, feather, wing, cream, red, bark, amber = mirror(p), "#8f7bc8", "#6a57a8", "#f8ead2", "#ee6f63", "#9a6b4a", "#ffb13d .4"
    m.add(bark, rod(p, (0, 0.16, 0), 0.16, 0.86, "x", soft=0.05), limb(p, (0.5, 0.2, 0), (0.68, 0.45, 0.14), 0.07, 0.045), k=0.05)
    m.add("#8ccf7e", egg(p, (0.72, 0.55, 0.16), (0.06, 0.13, 0.1)))
    m.add(feather, egg(p, (0, 0.86, 0), (0.55, 0.62, 0.48)), egg(p, (0, 1.42, 0.02), (0.53, 0.42, 0.45)), k=0.12)
    m.add(wing, limb(s, (0.32, 1.66, 0.05), (0.52, 2, 0), 0.15, 0.02), k=0.1)
    m.add(wing, egg(turn(s, "z", 10, (0.53, 0.86, -0.06)), (0, 0, 0), (0.13, 0.5, 0.34)),
          egg(turn(p, "x", -25, (0, 0.3, -0.42)), (0, 0, 0), (0.24, 0.36, 0.07)), k=0.04)
    m.add(red, ring(p, (0, 1.16, 0.02), 0.42, 0.09), limb(p, (0.2, 1.12, 0.42), (0.27, 0.78, 0.5), 0.08, 0.1), k=0.02)
    m.add(cream, rod(s, (0.21, 1.47, 0.37), 0.235, 0.07, "z", soft=0.05), k=0.02)
    m.add(amber, limb(p, (0, 1.41, 0.46), (0, 1.29, 0.56), 0.075, 0.02), *[limb(s, (x, 0.33, 0.1), (x, 0.24, 0.22), 0.055) for x in (0.1, 0.19, 0.28)])
    eyes(m, p, (0.2, 1.47, 0.45), 0.13)
    if m.plain:
        return
    belly = egg(p, (0, 0.74, 0.4), (0.37, 0.42, 0.4))
    m.paint(cream, most(belly, 0.1 - p[2]), on=feather, soft=0.01)
    u = np.abs(np.mod(p[0] + 0.11, 0.22) - 0.11)
    m.paint("#cfae84", most(np.abs(np.mod(p[1], 0.17) - 0.05 - u * 0.6) - 0.018, u - 0.07, belly + 0.07, 0.1 - p[2]), on=cream)
    zigzag = np.abs(np.mod(p[1] + 0.6 * np.abs(np.mod(p[0], 0.2) - 0.1), 0.19) - 0.09) - 0.022
    m.paint("#a996dc", most(zigzag, np.abs(p[0]) - 0.44, p[2] + 0.18, 0.42 - p[1], p[1] - 1.02), on=feather)
    m.paint("#8672c4", most(np.abs(np.mod(p[1] + 0.5 * p[2], 0.16) - 0.08) - 0.03, 0.45 - p[1], p[1] - 0.95), on=wing)
    for r, c in ((0.12, "#e8c79a"), (0.08, "#c99f6e"), (0.05, "#e8c79a")):
        m.paint(c, rod(s, (0.86, 0.16, 0), r, 0.03, "x", soft=0.01))


def astronaut(m, p):
    s, suit, grey, red, skin, gold = mirror(p), "#eff1f7 .35", "#8b97ad .4", "#ff7a59 .4", "#ffd9ba .1 .22", "#ffd75e .3 .3"
    m.add(suit, limb(s, (0.19, 0.55, 0), (0.22, 0.2, 0.02), 0.18, 0.16), egg(p, (0, 0.76, 0), (0.38, 0.42, 0.31)),
          limb(p, (-0.36, 0.96, 0), (-0.62, 0.62, 0.14), 0.15, 0.13), limb(p, (0.36, 0.96, 0), (0.72, 1.14, 0.1), 0.15, 0.13), k=0.05)
    m.add(red, egg(p, (-0.66, 0.54, 0.18), 0.15), egg(p, (0.79, 1.2, 0.12), 0.15), k=0.02)
    m.add(grey, egg(s, (0.23, 0.11, 0.06), (0.19, 0.13, 0.25)), k=0.03)
    m.add(suit, egg(p, (0, 1.5, 0), 0.55), k=0.03)
    m.cut(egg(p, (0, 1.48, 0.42), 0.4), 0.03)
    m.add(skin, egg(p, (0, 1.46, 0.04), (0.4, 0.4, 0.4)))
    m.add("#6e4230 .3", *chain(p, (-0.22, 1.7, 0.28, 0.07), (-0.04, 1.74, 0.33, 0.09), (0.2, 1.68, 0.29, 0.06)), k=0.03)
    m.add(red, ring(p, (0, 1.48, 0.37), 0.395, 0.06, "z"), rod(s, (0.2, 0.86, -0.55), 0.1, 0.26, soft=0.08))
    m.add(grey, box(p, (0, 0.86, -0.36), (0.33, 0.36, 0.17), 0.1), rod(s, (0.55, 1.5, 0), 0.15, 0.07, "x"),
          limb(p, (0.6, 1.5, 0), (0.62, 1.98, -0.04), 0.02), box(p, (0, 0.86, 0.3), (0.18, 0.13, 0.06), 0.04))
    m.add("#ffd75e .4 .6", egg(p, (0.62, 2.02, -0.04), 0.065))
    eyes(m, p, (0.16, 1.48, 0.405), 0.065)
    if m.plain:
        return
    m.paint("#3a2a2a", smile(p, 1.37, 0.08), on=skin)
    m.paint("#ff9a94 .1 .1", most(egg(s, (0.25, 1.36, 0.4), (0.075, 0.05, 0.3)), 0.1 - p[2]), on=skin, soft=0.02)
    for x, c in ((-0.1, "#ff7a59"), (0, "#ffd75e"), (0.1, "#6cc6f0")):
        m.paint(c + " .3 .4", egg(p, (x, 0.88, 0.37), 0.035))
    m.paint(red, most(np.abs(p[1] - 0.34) - 0.04, norm(s[0] - 0.21, p[2]) - 0.22))
    star = norm(p[0], p[1] - 0.92) - 0.07 - 0.03 * np.cos(5 * np.arctan2(p[0], p[1] - 0.92))
    m.paint(gold, most(star, p[2] + 0.48), on=grey)


def knight(m, p):
    s, steel, mail, red, gold = mirror(p), "#b3c1d4 .9", "#7c879c .6", "#d9485f .2", "#f2c14e .8"
    m.add(mail, limb(s, (0.18, 0.5, 0), (0.2, 0.2, 0), 0.16, 0.14), limb(s, (0.46, 0.98, 0), (0.6, 0.66, 0.2), 0.1, 0.09))
    m.add(red, rod(p, (0, 0.66, 0), 0.44, 0.28, r2=0.32, soft=0.08))
    m.add(steel, egg(s, (0.21, 0.11, 0.07), (0.17, 0.13, 0.25)), egg(s, (0.61, 0.62, 0.24), 0.13), k=0.02)
    m.add(steel, egg(p, (0, 0.95, 0), (0.38, 0.28, 0.3)), egg(s, (0.42, 1.04, 0), (0.19, 0.17, 0.2)), rod(p, (0, 1.46, 0), 0.44, 0.36, soft=0.2))
    m.cut(most(np.abs(p[1] - 1.5) - 0.085, np.abs(p[0]) - 0.34, 0.3 - p[2]), 0.03)
    m.add("#262a3a", rod(p, (0, 1.5, 0), 0.36, 0.15))
    x, y, z = turn(p, "x", -13, (0, 1.1, -0.26))
    cape = x * (1 + 0.35 * np.clip(y, -1, 0)), y, z + 0.035 * np.sin(x * 14) * np.clip(-y, 0, 1)
    m.add("#b8324d", box(cape, (0, -0.45, 0), (0.4, 0.48, 0.04), 0.04) * 0.7)
    m.add(gold, ring(p, (0, 0.68, 0), 0.385, 0.05), ring(p, (0, 1.62, 0), 0.425, 0.045), box(p, (0, 1.28, 0.42), (0.035, 0.16, 0.045), 0.02))
    m.add(red, *chain(p, (0, 1.84, 0.12, 0.07), (0, 2.04, -0.08, 0.14), (0, 1.96, -0.38, 0.13), (0, 1.66, -0.56, 0.03)), k=0.04)
    x, y, z = turn(p, "y", 10, (-0.62, 0.66, 0.4))
    shield = most(norm(np.abs(x) + 0.18, y - 0.12) - 0.5, y - 0.27)
    m.add(gold, most(shield, np.abs(z + 0.5 * x * x) - 0.04) - 0.02, box(p, (0.62, 0.79, 0.3), (0.2, 0.04, 0.05)), egg(p, (0.62, 0.46, 0.3), 0.075))
    m.add("#e9f1fa .9", box(p, (0.62, 1.22, 0.3), (0.065, 0.48, 0.022), 0.02))
    m.add("#7a4a33", limb(p, (0.62, 0.5, 0.3), (0.62, 0.78, 0.3), 0.045))
    if m.plain:
        return
    m.paint("#4a78c8 .4", most(shield + 0.035, 0.01 - z), on=gold)
    m.paint("#ffffff .3", most(np.minimum(np.abs(x), np.abs(y - 0.06)) - 0.045, 0.01 - z), on="#4a78c8 .4")
    m.paint("#fff6d8 0 1", most(egg(s, (0.15, 1.5, 0.34), (0.05, 0.065, 0.12)), 0.2 - p[2]))
    holes = norm(np.mod(s[0], 0.1) - 0.05, np.mod(p[1], 0.1) - 0.05) - 0.02
    m.paint("#262a3a", most(holes, np.abs(p[1] - 1.25) - 0.1, np.abs(s[0] - 0.2) - 0.1, 0.2 - p[2]), on=steel)


def lantern(m, p):
    s, f, brass, iron, glass = mirror(p), fold(p, 4, pi / 4), "#c98b3c .8", "#4a4258 .5", "#ffb84d .7 .7"
    m.add(glass, rod(p, (0, 0.84, 0), 0.4, 0.5, soft=0.12))
    m.add(iron, rod(p, (0, 0.12, 0), 0.6, 0.12, r2=0.52, soft=0.06), limb(f, (0, 0.3, 0.46), (0, 1.36, 0.46), 0.045), ring(p, (0, 0.46, 0), 0.44, 0.035),
          rod(p, (0, 1.55, 0), 0.52, 0.15, r2=0.2), ring(p, (0, 1.98, 0), 0.2, 0.04, "z"), limb(s, (0.62, 0.88, 0), (0.72, 0.72, 0.12), 0.035))
    m.add(brass, rod(p, (0, 0.29, 0), 0.46, 0.07), rod(p, (0, 1.37, 0), 0.53, 0.05), rod(p, (0, 1.73, 0), 0.17, 0.06), rod(p, (0, 0.14, -0.6), 0.08, 0.12, "z"),
          limb(p, (-0.11, 0.14, -0.72), (0.11, 0.14, -0.72), 0.045), rod(s, (0.55, 0.88, 0), 0.06, 0.1, "x"), egg(s, (0.73, 0.69, 0.13), 0.075))
    eyes(m, p, (0.15, 0.9, 0.38), 0.065, "#4a2512 .9")
    if m.plain:
        return
    m.paint("#fff0b8 .7 .95", np.abs(p[1] - 0.8) - 0.2, on=glass, soft=0.7)
    m.paint("#5a2a12", smile(p, 0.81, 0.075))
    m.paint("#ff9a66 .1 .3", most(egg(s, (0.24, 0.78, 0.38), (0.06, 0.045, 0.3)), 0.1 - p[2]), soft=0.02)
    m.paint("#ffce73 .1 .8", most(np.abs(f[0]) - 0.03, np.abs(p[1] - 1.55) - 0.05), on=iron)


def teapot(m, p):
    x, y, z = p
    white, blue, gold = "#f7f1e8 .8", "#4f83cc .8", "#f2c14e .8"
    m.add("#bfe0ea .7", rod(p, (0, 0.05, 0), 0.78, 0.05, r2=0.86, soft=0.04))
    m.add(white, egg(p, (0, 0.68, 0), (0.62, 0.53, 0.62)), rod(p, (0, 0.18, 0), 0.36, 0.08),
          *chain(p, (0.48, 0.52, 0, 0.2), (0.72, 0.72, 0, 0.13), (0.84, 1.02, 0, 0.09), (0.93, 1.1, 0, 0.085)),
          norm(norm(x + 0.6, (y - 0.74) * 0.85) - 0.3, z) - 0.065, k=0.06)
    m.cut(limb(p, (0.9, 1.1, 0), (1.07, 1.24, 0), 0.05, 0.09), 0.02)
    m.add(blue, rod(p, (0, 1.12, 0), 0.38, 0.05, soft=0.04))
    m.add(white, egg(p, (0, 1.15, 0), (0.34, 0.17, 0.34)), k=0.02)
    m.add(gold, egg(p, (0, 1.38, 0), (0.11, 0.1, 0.11)), k=0.04)
    if m.plain:
        return
    f, leaf, body = fold(p, 8), fold(p, 8, pi / 8), norm(x, z) - 0.66
    m.paint(gold, most(np.abs(y - 0.98) - 0.02, body))
    m.paint(blue, most(np.abs(y - 0.34) - 0.025, body))
    for a in range(0, 360, 72):
        m.paint(blue, most(egg(f, (0.07 * cos(radians(a)), 0.68 + 0.07 * sin(radians(a)), 0.6), (0.05, 0.05, 0.2)), body))
    m.paint(gold, most(egg(f, (0, 0.68, 0.6), (0.038, 0.038, 0.2)), body))
    m.paint("#7cb87a .7", most(egg(turn(leaf, "z", 45, (0, 0.68, 0.6)), (0, 0, 0), (0.03, 0.08, 0.2)), body))


def rocket(m, p):
    x, y, z = f = fold(p, 4, pi / 4)
    white, red, blue, glass, flame = "#f2eee9 .7", "#ec5b56 .7", "#3f6fb5 .7", "#9fdcf5 .95", "#ffb53d 0 1"
    clouds = [(i * 2.4, 0.5 + 0.24 * (i * 7 % 5) / 4, 0.13 + 0.06 * (i * 3 % 4) / 3) for i in range(9)]
    m.add("#ffffff 0", *[egg(p, (r * sin(a), 0.08, r * cos(a)), size) for a, r, size in clouds], k=0.1)
    m.add(white, most(egg(p, (0, 1.12, 0), (0.42, 1.06, 0.42)), 0.46 - y))
    fin = most(norm(y - 0.32, z - 0.28) - 0.46, 0.3 - norm(y - 0.02, z - 0.36))
    m.add(red, most(fin, np.abs(x) - 0.035) - 0.025, k=0.02)
    m.add("#5b6478 .7", rod(p, (0, 0.46, 0), 0.3, 0.1, r2=0.25))
    m.add(flame, limb(p, (0, 0.36, 0), (0, 0.12, 0), 0.22, 0.06))
    m.add("#ffe9a0 0 .9", limb(p, (0, 0.2, 0), (0, 0.04, 0), 0.1, 0.24), k=0.12)
    m.add(blue, ring(p, (0, 1.4, 0.39), 0.19, 0.05, "z"), ring(p, (0, 0.9, 0.42), 0.1, 0.03, "z"), egg(p, (0.09, 1.05, -0.45), 0.03), limb(p, (0, 2.1, 0), (0, 2.25, 0), 0.03))
    m.add(glass, egg(p, (0, 1.4, 0.36), (0.18, 0.18, 0.07)), egg(p, (0, 0.9, 0.4), (0.1, 0.1, 0.05)))
    m.add("#cfd8e6 .6", box(p, (0, 1.08, -0.41), (0.15, 0.26, 0.03), 0.025))
    m.add("#ffd75e .4 .5", egg(p, (0, 2.28, 0), 0.05))
    if m.plain:
        return
    m.paint(red, most(1.72 - y, y - 2.16), on=white)
    m.paint(blue, np.minimum(np.abs(y - 1.7) - 0.03, np.abs(y - 0.62) - 0.035), on=white)
    m.paint(glass, box(p, (0, 1.2, -0.44), (0.07, 0.05, 0.05), 0.02))


def sailboat(m, p):
    x, y, z = p
    wood, cream, red, yellow = "#b5703f .4", "#faf0de .1 .16", "#ee6f63 .3", "#ffd27a .1 .16"
    m.add("#4fb3d9 .8", most(norm(x, z) - 0.93, y - 0.14 - 0.035 * np.sin(x * 7 + z * 3) - 0.02 * np.sin(z * 9 - x * 4)) * 0.8 - 0.03)
    beam = 0.36 * (0.55 + 0.45 * np.sqrt(np.clip(2 * y - 0.2, 0, 1))) * (1 - np.clip(np.abs(x + 0.12) / 0.98, 0, 1) ** 2.4)
    m.add(red, most(np.abs(z) - beam, np.abs(x) - 0.86, 0.06 - y, y - 0.46 - 0.14 * x * x) * 0.6 - 0.015)
    m.cut(most(np.abs(z) - beam + 0.06, 0.36 - y, np.abs(x) - 0.75) * 0.6)
    m.add(cream, box(p, (-0.35, 0.48, 0), (0.24, 0.12, 0.17), 0.05), ring(p, (-0.3, 0.4, 0.33), 0.09, 0.035, "z"))
    m.add(wood, limb(p, (0.05, 0.3, 0), (0.05, 2.1, 0), 0.035, 0.025), limb(p, (0.05, 0.72, 0), (-0.78, 0.7, 0.05), 0.03))
    m.add(red, box(p, (-0.12, 2.02, 0.02), (0.16, 0.075, 0.012), 0.01))
    a, b = x - 0.05, y - 0.78
    belly = 0.16 * np.sin(np.clip(-a / 0.8, 0, 1) * pi) * np.sin(np.clip(b / 1.25, 0, 1) * pi)
    m.add(cream, most(-b, a + 0.05, -0.845 * a + 0.54 * b - 0.676, np.abs(z - belly) - 0.01) * 0.6 - 0.016)
    belly = 0.14 * np.sin(np.clip(a / 0.75, 0, 1) * pi)
    m.add(yellow, most(-b - 0.2 * a, 0.08 - a, 0.842 * a + 0.541 * b - 0.617, np.abs(z - belly) - 0.01) * 0.6 - 0.016)
    if m.plain:
        return
    m.paint(cream, np.abs(y - 0.4 - 0.14 * x * x) - 0.025, on=red)
    m.paint("#6aa5d8 .1 .1", most(np.abs(np.mod(b, 0.32) - 0.16) - 0.04, a, 0.03 - b, y - 1.95), on=cream)
    m.paint("#3d5a80 .8", egg((x, y, np.abs(z)), (-0.35, 0.49, 0.17), 0.06))


def mushroom_house(m, p):
    cap, cream, wood, brick, yellow = "#de4d4d .5", "#faecd4", "#8a5a3c", "#b98a72", "#ffd75e .1 .1"
    m.add("#8fcb74 .05", egg(p, (0, -0.05, 0), (0.95, 0.15, 0.95)))
    m.add(cream, rod(p, (0, 0.5, 0), 0.54, 0.52, r2=0.4, soft=0.12), k=0.12)
    m.add(brick, rod(p, (0.4, 1.68, -0.2), 0.1, 0.28))
    m.add(cap, most(egg(p, (0, 1.02, 0), (0.82, 0.82, 0.82)), 0.96 - p[1]) - 0.03, k=0.02)
    m.cut(egg(p, (0, 0.92, 0), (0.7, 0.1, 0.7)), 0.05)
    m.add(wood, rod(p, (0.4, 1.97, -0.2), 0.13, 0.04), rod(p, (0, 0.42, 0.47), 0.25, 0.1, "z"), box(p, (0, 0.22, 0.47), (0.25, 0.24, 0.1)))
    m.add("#c9c2b8", egg(p, (0, 0.06, 0.74), (0.3, 0.07, 0.16)))
    m.add("#f2c14e .8", egg(p, (0.13, 0.34, 0.59), 0.035))
    q = fold(p, 4)
    m.add("#ffd978 .6 .7", most(rod(q, (0, 0.6, 0.42), 0.16, 0.06, "z"), p[2] - 0.3))
    m.add(wood, most(np.minimum(ring(q, (0, 0.6, 0.48), 0.16, 0.04, "z"), np.minimum(box(q, (0, 0.6, 0.48), (0.15, 0.018, 0.03), 0.01),
          box(q, (0, 0.6, 0.48), (0.018, 0.15, 0.03), 0.01))), p[2] - 0.3))
    for x, z, h in ((-0.62, 0.5, 0.24), (-0.78, 0.26, 0.15), (0.5, -0.62, 0.2)):
        m.add(cream, limb(p, (x, 0.02, z), (x, h, z), 0.06, 0.045))
        m.add("#f0925a .4", most(egg(p, (x, h, z), (0.15, 0.14, 0.15)), h - p[1]))
    m.add(yellow, egg(p, (0.55, 0.12, 0.55), 0.06), egg(p, (-0.55, 0.12, -0.6), 0.06))
    m.add("#f7a6c4 .1 .1", egg(p, (0.7, 0.12, 0.36), 0.06), egg(p, (-0.4, 0.12, 0.74), 0.06), egg(p, (0.1, 0.12, -0.8), 0.06))
    if m.plain:
        return
    for a, e, r in ((3, 35, 0.2), (54, 24, 0.15), (-46, 26, 0.17), (109, 29, 0.19), (-100, 23, 0.14), (158, 36, 0.16), (-149, 21, 0.19),
                    (23, 8, 0.11), (-23, 11, 0.1), (40, 69, 0.18), (178, 7, 0.1), (-120, 58, 0.13)):
        c = radians(a), radians(e)
        m.paint("#fff8ea .4", egg(p, (0.85 * sin(c[0]) * cos(c[1]), 1.02 + 0.85 * sin(c[1]), 0.85 * cos(c[0]) * cos(c[1])), r), on=cap)
    door = most(np.minimum(rod(p, (0, 0.42, 0.5), 0.19, 0.2, "z"), box(p, (0, 0.2, 0.5), (0.19, 0.24, 0.2))), 0.55 - p[2], 0.1 - p[1])
    m.paint("#5fa8a0 .3", most(door, 0.012 - np.abs(p[0])), on=wood)


def camera(m, p):
    x, y, z = p
    silver, hide, black, brass, red, blue = "#d3d8df .8", "#8c4f36 .1", "#2c2c34 .8", "#e0b050 .8", "#ee6f63 .6", "#3a4f8f 1"
    m.add(silver, box(p, (0, 0.56, 0), (0.9, 0.5, 0.27), 0.14), box(p, (0, 1.1, 0.02), (0.3, 0.16, 0.22), 0.08), k=0.04)
    m.add(silver, rod(p, (0.58, 1.08, 0), 0.15, 0.08), rod(p, (0, 0.54, 0.32), 0.47, 0.1, "z"), rod(p, (0.62, 0.62, -0.29), 0.13, 0.04, "z"))
    m.add(hide, box(p, (0, 0.52, 0), (0.92, 0.28, 0.29), 0.14))
    m.add("#fff3c4 .9 .35", box(p, (0, 1.12, 0.2), (0.2, 0.1, 0.06)))
    m.add(black, rod(p, (-0.58, 1.09, 0), 0.2, 0.07), rod(p, (0, 0.54, 0.48), 0.4, 0.14, "z"), rod(p, (0.62, 0.88, 0.26), 0.09, 0.05, "z"),
          box(p, (-0.1, 0.54, -0.29), (0.46, 0.22, 0.03), 0.02), box(p, (0, 1.1, -0.2), (0.16, 0.09, 0.06)))
    m.add(brass, rod(p, (-0.58, 1.16, 0), 0.12, 0.05), ring(p, (0, 0.54, 0.61), 0.34, 0.045, "z"), egg(mirror(p), (0.95, 0.84, 0), 0.05))
    m.cut(rod(p, (0, 0.54, 0.64), 0.3, 0.12, "z"))
    m.add(blue, egg(p, (0, 0.54, 0.46), (0.3, 0.3, 0.12)))
    m.add(red, rod(p, (0.58, 1.17, 0), 0.09, 0.04), egg(p, (0.62, 0.36, -0.29), 0.05))
    if m.plain:
        return
    m.paint("#5f86d8 1", norm(x, y - 0.54) - 0.2, on=blue)
    m.paint("#1d2547 1", norm(x, y - 0.54) - 0.1, on="#5f86d8 1")
    m.paint("#ffffff 0 .7", most(egg(p, (-0.1, 0.64, 0.57), 0.06), 0.5 - z))
    screen = box(p, (-0.1, 0.54, -0.32), (0.4, 0.17, 0.03), 0.02)
    m.paint("#8fd0e8 .8 .3", screen)
    m.paint("#7cc47a .6 .3", most(screen, y - 0.47 - 0.06 * np.sin(x * 9)))
    m.paint("#ffe9a0 .3 .5", most(egg(p, (-0.3, 0.62, -0.32), 0.05), z + 0.3))
    m.paint("#6f3a26", norm(np.mod(x + y, 0.07) - 0.035, np.mod(x - y, 0.07) - 0.035) - 0.012, on=hide)


# ---------------------------------------------------------------- the renderer

RADIUS, HEIGHT = 1.08, 2.36  # every scene stands within this cylinder, on a disc of radius 1
LENS = 0.3  # half the picture's height, one unit ahead of the camera
VIEWS = {"cover": (-27, 15), "side": (-90, 9), "back": (180, 12), "topView": (0, 74)}


def unit(v):
    return v / np.sqrt((v * v).sum(0))


def distance(scene, p):
    m = Scene(p.shape[1], True)
    scene(m, tuple(p))
    return m.d


def march(scene, o, d):
    """Distance along each ray to the scene, or inf."""
    a = d[0] ** 2 + d[2] ** 2
    b = o[0] * d[0] + o[2] * d[2]
    root = np.sqrt(np.maximum(b * b - a * (o[0] ** 2 + o[2] ** 2 - RADIUS ** 2), 0))
    y0, y1 = (0.001 - o[1]) / d[1], (HEIGHT - o[1]) / d[1]
    t = np.maximum((-b - root) / a, np.minimum(y0, y1))
    end = np.minimum((-b + root) / a, np.maximum(y0, y1))
    hit = np.full(len(t), np.inf, np.float32)
    live = np.flatnonzero((root > 0) & (t < end))
    for _ in range(110):
        if not len(live):
            break
        step = distance(scene, o[:, live] + d[:, live] * t[live])
        t[live] += step * 0.85
        done = step < 0.0012
        hit[live[done]] = t[live[done]]
        live = live[~done & (t[live] < end[live])]
    return hit


def shadow(scene, p, light):
    """How much of the key light reaches p, with soft edges."""
    light_left, t = np.ones(p.shape[1], np.float32), np.full(p.shape[1], 0.03, np.float32)
    for _ in range(22):
        h = distance(scene, p + light * t)
        light_left = np.minimum(light_left, np.clip(0.5 + 0.5 * h / (t * 0.13), 0, 1))
        t += np.clip(h, 0.02, 0.16)
    return light_left * light_left * (3 - 2 * light_left)


def occlusion(scene, p, n):
    total = sum((s - distance(scene, p + n * s)) * w for s, w in ((0.03, 1.6), (0.08, 1.1), (0.16, 0.8), (0.3, 0.5)))
    return np.clip(1 - total * 1.35, 0.12, 1)


def shade(scene, look, camera, u, v):
    """Display colours (and their glow) of the picture points (u, v)."""
    eye, right, up, ahead = camera
    d = unit(ahead + right * u + up * v).astype(np.float32)
    o = np.broadcast_to(eye, d.shape)
    # the backdrop, already a display colour
    high, low = (mat(c)[:3] ** (1 / 2.2) for c in look["sky"])
    out = low + (high - low) * np.clip(v / (2 * LENS) + 0.55, 0, 1)
    out = out + (1 - out) * 0.5 * np.exp(-(u * u + v * v) / (LENS * LENS * 0.5))
    glow = np.zeros_like(out)
    # the disc: its top and its rim
    t = march(scene, o, d)
    top = -o[1] / d[1]
    q = o + d * top
    on_top = (top > 0) & (q[0] ** 2 + q[2] ** 2 < 1) & (top < t)
    a, b, c = d[0] ** 2 + d[2] ** 2, o[0] * d[0] + o[2] * d[2], o[0] ** 2 + o[2] ** 2 - 1
    rim = (-b - np.sqrt(np.maximum(b * b - a * c, 0))) / a
    y = o[1] + d[1] * rim
    on_rim = (b * b > a * c) & (y < 0) & (y > -0.07)
    t = np.where(on_top, top, np.where(on_rim & np.isinf(t), rim, t))
    i = np.flatnonzero(np.isfinite(t))
    if not len(i):
        return out, glow
    d, disc_top, disc = d[:, i], on_top[i], (on_top | on_rim)[i]
    p = eye + d * t[i]
    m = Scene(len(i), False)
    scene(m, tuple(p))
    n = np.zeros_like(p)
    for k in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        k = np.array(k, np.float32)[:, None]
        n += k * distance(scene, p + k * 0.0015)
    n = unit(np.where(disc, np.where(disc_top, np.array([[0], [1], [0]], np.float32), p * np.array([[1], [0], [1]], np.float32)), n))
    surface = np.where(disc, mat(look["disc"]), m.m)
    colour, gloss, glowing = surface[:3], surface[3], surface[4]
    # the lights stand about the camera, so that every view is lit alike
    flat = unit(np.array([ahead[0], [0], ahead[2]], np.float32))
    key = unit(-right * 0.62 + np.array([[0], [1.05], [0]], np.float32) - flat * 0.75).astype(np.float32)
    fill = unit(right * 0.9 + np.array([[0], [0.35], [0]], np.float32) - flat * 0.4).astype(np.float32)
    lit = np.clip((n * key).sum(0) * 0.9 + 0.1, 0, 1) * shadow(scene, p + n * 0.01, key)
    open_ = occlusion(scene, p, n)
    facing = np.clip(-(n * d).sum(0), 0, 1)
    light = np.array([[2.25], [2.1], [1.9]], np.float32) * lit
    light = light + (np.array([[0.62], [0.68], [0.82]], np.float32) * (0.6 + 0.4 * n[1]) + np.array([[0.16], [0.12], [0.1]], np.float32)) * open_
    light = light + np.array([[0.34], [0.28], [0.36]], np.float32) * np.clip((n * fill).sum(0), 0, 1) * open_
    bounce = d + n * (2 * facing)
    mirror_ = np.clip((bounce * key).sum(0), 0, 1)
    panel = np.clip((bounce * fill).sum(0) * 6 - 4.3, 0, 1) * 0.3
    shine = gloss * (mirror_ ** 60 * lit * 1.6 + (panel + 0.22 * np.clip(bounce[1], 0, 1)) * open_)
    edge = (1 - facing) ** 3 * open_ * np.where(disc, 0, 0.4) * (0.5 + 0.5 * n[1])
    lin = colour * light * 0.5 * (1 - 0.55 * glowing) + (shine + edge) * 0.8 + colour * glowing * 0.85
    out[:, i] = (np.clip(lin * (1 + lin * 0.12) / (1 + lin * 0.42) * 1.08, 0, 1)) ** (1 / 2.2)
    glow[:, i] = colour * glowing
    return out, glow


def render(scene, look, azimuth, elevation, w, h):
    """A PIL picture: one ray a pixel, and four more where neighbours differ."""
    a, e = radians(azimuth), radians(elevation)
    middle = np.array([[0], [look["middle"] * cos(e) ** 2 + 0.8 * sin(e) ** 2], [0]], np.float32)
    ahead = -np.array([[sin(a) * cos(e)], [sin(e)], [cos(a) * cos(e)]], np.float32)
    right = np.array([[cos(a)], [0], [-sin(a)]], np.float32)
    up = np.cross(right.T, ahead.T).T.astype(np.float32)
    camera = (middle - ahead * (look["far"] + 0.25 * sin(e) ** 4), right, up, ahead)
    ys, xs = (c.ravel() for c in np.mgrid[0:h, 0:w])

    def rays(i, dx, dy):
        u = ((xs[i] + 0.5 + dx - w / 2) * (2 * LENS / h)).astype(np.float32)
        v = ((h / 2 - ys[i] - 0.5 - dy) * (2 * LENS / h)).astype(np.float32)
        n = len(i) // 16384 + 1  # in pieces that stay in the processor's cache
        parts = [shade(scene, look, camera, *uv) for uv in zip(np.array_split(u, n), np.array_split(v, n))]
        return [np.concatenate(c, 1) for c in zip(*parts)]

    colour, glow = rays(np.arange(w * h), 0, 0)
    grid, rough = colour.reshape(3, h, w), np.zeros((h, w), bool)
    for axis, s in ((1, np.s_[:-1, :]), (2, np.s_[:, :-1])):
        jump = np.abs(np.diff(grid, axis=axis)).max(0) > 0.035
        rough[s] |= jump
        rough[tuple(slice(1, None) if k.stop == -1 else k for k in s)] |= jump
    i = np.flatnonzero(rough)
    colour[:, i] = sum(rays(i, dx, dy)[0] for dx, dy in ((-.125, -.375), (.375, -.125), (.125, .375), (-.375, .125))) / 4
    image = np.moveaxis(colour.reshape(3, h, w), 0, 2)
    if glow.any():
        halo = Image.fromarray((np.clip(np.moveaxis(glow.reshape(3, h, w), 0, 2), 0, 1) * 255).astype(np.uint8))
        halo = np.asarray(halo.filter(ImageFilter.GaussianBlur(h / 24)), np.float32) / 255
        image = 1 - (1 - image) * (1 - np.clip(halo * 0.55, 0, 1))
    return Image.fromarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8))


# ---------------------------------------------------------------- the elements

SIZE, SMALL, VIDEO, FRAMES, FPS = (480, 640), (320, 426), (360, 480), 84, 24
TAGS = {n: {"id": n, "tagKey": f"o_{n}_{t.lower()}", "tagDesc": t} for n, t in enumerate(("Character", "Animal", "Prop", "Scene", "Vehicle"), 101)}
ALL = ("side", "back", "topView")

# slug, id, name, description, tags, favoured, created and updated (Unix seconds), version; then
# how it is drawn: backdrop above and below, disc, height of its middle, distance of the camera, views
ROWS = (
    ("robot", "u_302847193845201", "PipTheRobot K7Q2M", "A teal tin robot with a glowing face, a heart on its chest and one arm always up to wave.",
     (101,), True, 1765961530, 1767868204, 3, "#bfdff2", "#fbe3ee", "#f6dfc8", 1.03, 5.3, ALL),
    ("fox", "u_302851774920316", "AutumnFox 9XWTD", "A young fox that sits very still, bushy tail curled beside it, and listens to everything.",
     (102, 101), True, 1766310095, 1766310095, 1, "#d9ead0", "#fdf0d8", "#a9c98f", 0.93, 4.9, ALL),
    ("owl", "u_303118460275593", "ProfessorOwl B4HRZ", "A violet owl in a red scarf on a birch log; half asleep by day, wide awake at story time.",
     (102,), False, 1768215741, 1769001382, 2, "#c9c6ee", "#fbe6dc", "#e9dcf3", 1.0, 5.1, ALL),
    ("astronaut", "u_303340918852047", "LittleAstro 3NVPC", "A small astronaut with a golden antenna, two orange air tanks and a star on the backpack.",
     (101,), False, 1769467218, 1769467218, 1, "#aab8e6", "#f3dcf0", "#d5d8e6", 1.0, 5.2, ALL),
    ("knight", "u_303592277410865", "SirRoundhelm T6YLE", "A stout knight with a red plume and cape, a blue shield, and eyes that shine in the visor.",
     (101,), False, 1770893660, 1772006419, 2, "#cfdcec", "#f6ead6", "#cdd6b4", 1.0, 5.2, ALL),
    ("lantern", "u_303871650933428", "LumiLantern 8DFAS", "A friendly brass lantern with a warm face in its glass; it hums a little when it is dark.",
     (103, 101), True, 1772392877, 1773120056, 2, "#8f8cc0", "#f2c9bd", "#c9b6cf", 1.03, 5.2, ALL),
    ("teapot", "u_304026581197734", "FlowerTeapot QJ5UW", "A round white porcelain teapot with blue flowers, gold rims and a light blue saucer.",
     (103,), False, 1773551309, 1773551309, 1, "#d4ecea", "#fdf1dc", "#e8cfae", 0.68, 4.85, ("side",)),
    ("rocket", "u_304285036648152", "MoonRocket 2GZKB", "A white and red rocket with four fins and two portholes, just lifting off in its clouds.",
     (105,), False, 1774820944, 1774991712, 2, "#a8cdf0", "#fdebd2", "#b9d3ea", 1.08, 5.5, ALL),
    ("sailboat", "u_304417729305689", "TinySailboat H8CMX", "A red wooden sailboat with a striped mainsail on a slice of sea; the flag shows the wind.",
     (105,), False, 1775640183, 1775640183, 1, "#bfe3f4", "#fff0d6", "#e9dcc4", 1.03, 5.2, ()),
    ("mushroom-house", "u_304690154872930", "MushroomHouse V5RNP", "A mushroom cottage with round lit windows, a teal double door, a chimney and small neighbours.",
     (104,), False, 1777104562, 1778220397, 4, "#cbe8d9", "#fdeedd", "#b88d64", 0.98, 5.2, ALL),
    ("camera", "u_298104466317275", "VintageCamera 7LTYF", "A vintage camera in brown leather with a brass lens ring; the last picture is still on its back.",
     (103,), False, 1750338427, 1751287960, 1, "#f3dcc6", "#fdf3e3", "#d9b48a", 0.6, 4.9, ALL),
)
EARLIER = ("camera",)
TURNTABLES = ("robot", "owl")
OTHER_FILES = {("robot", "topView"): "topView.png", ("lantern", "back"): "back.webp"}
VOICES = {  # slug: file, name, espeak-ng voice, pitch, speed, words
    "robot": ("voice.m4a", "Pip", "en-us+m3", 82, 155, "Hi! I am Pip the robot."),
    "lantern": ("voice.mp3", "Lumi", "en-gb+f2", 62, 150, "Hello, I am Lumi the lantern."),
}


def picture_file(slug, view):
    return OTHER_FILES.get((slug, view), view + ".jpg")


def write_list(path):
    """elements.json, one line a field and a file."""
    text = []
    for slug, ident, name, description, tags, favoured, created, updated, version, *_, views in ROWS:
        files = []
        for view in ("cover",) + views:
            file = picture_file(slug, view)
            w, h = SMALL if file.endswith("png") else SIZE
            files.append({"file": file, "role": "cover" if view == "cover" else "secondary", "slot": "" if view == "cover" else view, "width": w, "height": h})
        if slug in TURNTABLES:
            files.append({"file": "video.mp4", "role": "video", "slot": "", "width": VIDEO[0], "height": VIDEO[1]})
        if slug in VOICES:
            files.append({"file": VOICES[slug][0], "role": "voice", "voiceName": VOICES[slug][1]})
        element = {"id": ident, "slug": slug, "name": name, "type": "VIDEO" if slug in TURNTABLES else "IMAGE", "description": description,
                   "shape": "earlier" if slug in EARLIER else "current", "tags": [TAGS[t] for t in tags], "favored": favoured,
                   "createTime": created * 1000 + 137, "updateTime": updated * 1000 + (137 if created == updated else 608), "currentVersion": version}
        lines = [f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in element.items()]
        lines.append('    "files": [\n' + ",\n".join("      " + json.dumps(f) for f in files) + "\n    ]")
        text.append("  {\n" + ",\n".join(lines) + "\n  }")
    path.write_text("[\n" + ",\n".join(text) + "\n]\n")


def draw(job):
    """One picture, or one frame of a turntable."""
    slug, view, path = job
    row = next(r for r in ROWS if r[0] == slug)
    look = dict(zip(("sky", "disc", "middle", "far"), (row[9:11], *row[11:14])))
    azimuth, elevation = VIEWS[view] if isinstance(view, str) else (VIEWS["cover"][0] + view * 360 / FRAMES, VIEWS["cover"][1])
    size = VIDEO if not isinstance(view, str) else SMALL if path.suffix == ".png" else SIZE
    image = render(globals()[slug.replace("-", "_")], look, azimuth, elevation, *size)
    if path.suffix == ".png" and isinstance(view, str):
        palette = image.quantize(200, Image.Quantize.FASTOCTREE)
        image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    else:
        image.save(path, **{".jpg": {"quality": 80, "optimize": True}, ".webp": {"quality": 84, "method": 6}}.get(path.suffix, {}))


def ffmpeg(*words):
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-threads", "1", *words[:-1], "-map_metadata", "-1", "-fflags", "+bitexact",
                    "-flags:v", "+bitexact", "-flags:a", "+bitexact", words[-1]], check=True)


def main(folder, *only):
    folder = Path(folder)
    rows = [r for r in ROWS if not only or r[0] in only]
    with tempfile.TemporaryDirectory() as scratch, Pool() as pool:
        scratch = Path(scratch)
        jobs = [(r[0], view, folder / r[0] / picture_file(r[0], view)) for r in rows for view in ("cover",) + r[-1]]
        turning = [r[0] for r in rows if r[0] in TURNTABLES]
        jobs += [(slug, i, scratch / f"{slug}{i:03}.png") for slug in turning for i in range(FRAMES)]
        for r in rows:
            (folder / r[0]).mkdir(parents=True, exist_ok=True)
        for _ in pool.imap_unordered(draw, jobs):
            pass
        for slug in turning:
            ffmpeg("-framerate", str(FPS), "-i", str(scratch / f"{slug}%03d.png"), "-c:v", "libx264", "-preset", "veryslow", "-tune", "animation",
                   "-crf", "28", "-pix_fmt", "yuv420p", "-x264-params", "threads=1", "-bsf:v", "filter_units=remove_types=6",
                   "-movflags", "+faststart", str(folder / slug / "video.mp4"))
        for slug in [r[0] for r in rows if r[0] in VOICES]:
            file, _, voice, pitch, speed, words = VOICES[slug]
            wav = str(scratch / "voice.wav")
            subprocess.run(["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "-w", wav, words], check=True)
            ffmpeg("-i", wav, "-af", "highpass=f=90,lowpass=f=7000,aecho=0.9:0.7:31|53:0.16|0.1", "-ac", "1", "-ar", "24000", "-b:a", "40k", str(folder / slug / file))
    write_list(folder / "elements.json")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
