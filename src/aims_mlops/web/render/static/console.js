// The one script of the console: it checks a record in the reader's own browser. Every page works without it.
"use strict";

const utf8 = new TextEncoder();
const hex = (bytes) => Array.from(new Uint8Array(bytes), (b) => b.toString(16).padStart(2, "0")).join("");
const fromBase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const joined = (...parts) => {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  parts.reduce((at, p) => (out.set(p, at), at + p.length), 0);
  return out;
};
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);

class Unable extends Error {}

const imported = (publicKey) =>
  crypto.subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);

// Whether this browser has Ed25519 is asked with the first key of RFC 8032, 7.1.
const KNOWN = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
async function needEd25519() {
  try {
    await imported(fromBase64(KNOWN));
  } catch {
    throw new Unable();
  }
}

async function signedBy(publicKey, signature, message) {
  let key;
  try {
    key = await imported(publicKey);
  } catch {
    throw new Error("a key of the log is no key");
  }
  return crypto.subtle.verify({ name: "Ed25519" }, key, signature, message);
}

// RFC 6962, 2.1.1, as RFC 9162 computes it from the leaf upward.
async function rootFrom(index, size, leafHash, path) {
  let [node, last, hash] = [index, size - 1, leafHash];
  for (const other of path) {
    if (last === 0) throw new Error("the path is too long");
    if (node % 2 === 1 || node === last) {
      hash = await sha256(joined([1], other, hash));
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else {
      hash = await sha256(joined([1], hash, other));
    }
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  if (last !== 0) throw new Error("the path is too short");
  return hash;
}

// "name+hash+base64(0x01 and the key)" -> the raw key.
const keyOf = (text) => fromBase64(text.split("+").slice(2).join("+")).slice(1);

async function verify({ raw, proof, leaf, keys, id }) {
  const [envelopeAnswer, proofAnswer] = await Promise.all([fetch(raw), fetch(proof)]);
  if (!envelopeAnswer.ok || !proofAnswer.ok) throw new Error("the files could not be fetched");
  const envelope = new Uint8Array(await envelopeAnswer.arrayBuffer());
  const text = await proofAnswer.text();
  if (hex(await sha256(envelope)) !== id) throw new Error("the bytes have another digest");
  const said = JSON.parse(leaf);
  if (said.envelope !== id) throw new Error("the leaf is of another record");

  const known = keys.split(" ").filter(Boolean).map(keyOf);
  const { payload, payloadType, signatures } = JSON.parse(new TextDecoder().decode(envelope));
  const body = fromBase64(payload);
  const signedText = joined(
    utf8.encode(`DSSEv1 ${utf8.encode(payloadType).length} ${payloadType} ${body.length} `), body);
  const anySigned = async (message, candidates) => {
    for (const key of known) for (const sig of candidates) if (await signedBy(key, sig, message)) return true;
    return false;
  };
  if (!(await anySigned(signedText, signatures.map((s) => fromBase64(s.sig)))))
    throw new Error("no key of the log signed the record");

  const [head, note] = [text.slice(0, text.indexOf("\n\n")), text.slice(text.indexOf("\n\n") + 2)];
  const lines = head.split("\n");
  if (!lines[0].startsWith("c2sp.org/tlog-proof@v1")) throw new Error("the proof has another form");
  const at = lines.findIndex((line) => line.startsWith("index "));
  const index = Number(lines[at].slice("index ".length));
  if (index !== said.sequence) throw new Error("the proof is of another leaf");
  const path = lines.slice(at + 1).map(fromBase64);
  const cut = note.indexOf("\n\n");
  const [checkpoint, signaturesText] = [note.slice(0, cut + 1), note.slice(cut + 2)];
  const [, size, root] = checkpoint.split("\n");
  const leafHash = await sha256(joined([0], utf8.encode(leaf)));
  if (!same(await rootFrom(index, Number(size), leafHash, path), fromBase64(root)))
    throw new Error("the path does not lead to the checkpoint");
  const candidates = signaturesText.split("\n").filter((line) => line.startsWith("\u2014 "))
    .map((line) => fromBase64(line.split(" ")[2]).slice(4));
  if (!(await anySigned(utf8.encode(checkpoint), candidates)))
    throw new Error("no key of the log signed the checkpoint");
}

for (const place of document.querySelectorAll(".verify")) {
  const button = place.querySelector("button");
  const status = place.querySelector("[role=status]");
  status.textContent = place.querySelector("template").content.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    place.dataset.outcome = "";
    try {
      if (!globalThis.crypto?.subtle) throw new Unable();
      await needEd25519();
      await verify(place.dataset);
      status.textContent = place.dataset.good;
      place.dataset.outcome = "good";
    } catch (error) {
      const unable = error instanceof Unable;
      status.textContent = unable ? place.dataset.unable : place.dataset.bad.replace("{why}", error.message);
      place.dataset.outcome = unable ? "unable" : "bad";
    } finally {
      button.disabled = false;
    }
  });
}
