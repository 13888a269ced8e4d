// Asks the browser's authenticator, and nothing else: every page reads without this script.
//
// A form with `data-begin` is posted there as one JSON object of texts. The answer says what the authenticator is asked;
// what it gives is posted to `data-finish`, whose answer names the next page or a refusal in words.

"use strict";

const bytesOf = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const textOf = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

class Refused extends Error {}

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    credentials: "same-origin",
    redirect: "error",
  });
  const told = await answer.json();
  if (!answer.ok) throw new Refused(told.says);
  return told;
}

async function assertion(options) {
  const allowCredentials = options.allowCredentials.map((row) => ({ ...row, id: bytesOf(row.id) }));
  const publicKey = { ...options, challenge: bytesOf(options.challenge), allowCredentials };
  const { rawId, response } = await navigator.credentials.get({ publicKey });
  return {
    credential: textOf(rawId),
    authenticator_data: textOf(response.authenticatorData),
    client_data_json: textOf(response.clientDataJSON),
    signature: textOf(response.signature),
  };
}

async function newPasskey(options) {
  const user = { ...options.user, id: bytesOf(options.user.id) };
  const publicKey = { ...options, challenge: bytesOf(options.challenge), user };
  const { response } = await navigator.credentials.create({ publicKey });
  return {
    authenticator_data: textOf(response.getAuthenticatorData()),
    client_data_json: textOf(response.clientDataJSON),
  };
}

function words(form, error) {
  if (error instanceof Refused) return error.message;
  if (error instanceof DOMException && ["NotAllowedError", "AbortError"].includes(error.name)) return form.dataset.cancelled;
  if (error instanceof DOMException && error.name === "SecurityError") return form.dataset.site;
  return `${form.dataset.failed} (${error.name})`;
}

async function run(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const said = form.querySelector("[role=alert]");
  const buttons = [...form.querySelectorAll("button")];
  const fields = Object.fromEntries(new FormData(form, event.submitter));
  said.textContent = "";
  for (const button of buttons) button.disabled = true;
  try {
    const { ticket, options } = await post(form.dataset.begin, fields);
    const given = await (form.dataset.passkey === "create" ? newPasskey(options) : assertion(options));
    const { next } = await post(form.dataset.finish, { ticket, ...given });
    location.assign(next);
  } catch (error) {
    said.textContent = words(form, error);
    for (const button of buttons) button.disabled = false;
    event.submitter?.focus();
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) {
    const note = document.createElement("p");
    note.textContent = form.dataset.unsupported;
    form.before(note);
    continue;
  }
  form.hidden = false;
  form.addEventListener("submit", run);
}
