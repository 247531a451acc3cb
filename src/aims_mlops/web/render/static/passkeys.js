// Signing with a passkey: the server says what to do next, until it says where to go.
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

async function send(address, csrf, said) {
  const headers = { "Content-Type": "application/json" };
  if (csrf) headers["X-CSRF"] = csrf;
  const answer = await fetch(address, { method: "POST", headers, body: JSON.stringify(said), redirect: "error" });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.detail || found.title || answer.status);
  return found;
}

async function create(options) {
  const made = await navigator.credentials.create({ publicKey: {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: (options.excludeCredentials || []).map((c) => ({ ...c, id: bytes(c.id) })),
  } });
  return { credential: { id: made.id, rawId: text(made.rawId), type: made.type, response: {
    clientDataJSON: text(made.response.clientDataJSON),
    attestationObject: text(made.response.attestationObject),
  } } };
}

async function sign({ challenge, credential, rp_id }) {
  const made = await navigator.credentials.get({ publicKey: {
    challenge: bytes(challenge),
    rpId: rp_id,
    userVerification: "required",
    allowCredentials: credential ? [{ type: "public-key", id: bytes(credential) }] : [],
  } });
  return {
    credential: text(made.rawId),
    authenticator_data: text(made.response.authenticatorData),
    client_data: text(made.response.clientDataJSON),
    signature: text(made.response.signature),
  };
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const status = form.querySelector("[role=status]");
  for (const button of form.querySelectorAll("button")) button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { csrf, ...said } = Object.fromEntries(new FormData(form, event.submitter));
    status.textContent = form.dataset.waiting;
    try {
      if (!globalThis.PublicKeyCredential) throw new Error(form.dataset.unable);
      let step = await send(form.dataset.passkey, csrf, said);
      while (!step.go) {
        const made = step.create ? await create(step.create) : await sign(step.sign);
        step = await send(step.to, csrf, { ceremony: step.ceremony, ...made });
      }
      location.assign(step.go);
    } catch (error) {
      status.textContent = error.message;
    }
  });
}
