// Security keys and passkeys: asks the browser for one and posts what it answers.
"use strict";
(() => {
  const ceremonies = {
    // A key is added. Whether it shall also sign in without a password is ticked in the form.
    async create(form) {
      const options = JSON.parse(form.dataset.options).publicKey;
      const alone = form.querySelector("[name=passwordless]")?.checked === true;
      options.authenticatorSelection = {
        ...options.authenticatorSelection,
        residentKey: alone ? "required" : "discouraged",
        requireResidentKey: alone,
        ...(alone ? { userVerification: "required" } : {}),
      };
      const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
      return navigator.credentials.create({ publicKey });
    },
    // A key of somebody who is known is asked for.
    async get(form) {
      const options = JSON.parse(form.dataset.options).publicKey;
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
      return navigator.credentials.get({ publicKey });
    },
    // Whoever holds a passkey signs in with it alone.
    async login(form) {
      const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error("busy");
      const options = (await answer.json()).request_options.publicKey;
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
      return navigator.credentials.get({ publicKey });
    },
  };

  const reasons = {
    NotAllowedError: "Nothing was confirmed. Try again, and touch the key when it blinks.",
    InvalidStateError: "This key is set up already.",
    SecurityError:
      "Keys work under a host name with https only, and this page was opened otherwise.",
    busy: "The server did not answer. Try again in a minute.",
  };

  function prepare(form) {
    const button = form.querySelector("button");
    const status = form.querySelector("[role=status]");
    const field = form.querySelector("[name=credential]");
    if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
      status.textContent = "This browser cannot use security keys.";
      return;
    }
    status.textContent = "";
    button.disabled = false;
    form.addEventListener("submit", async (event) => {
      if (field.value) return;
      event.preventDefault();
      button.disabled = true;
      status.textContent = "Waiting for your key …";
      try {
        const credential = await ceremonies[form.dataset.webauthn](form);
        field.value = JSON.stringify(credential);
        status.textContent = "Checking …";
        form.submit();
      } catch (error) {
        status.textContent = reasons[error.name] ?? reasons[error.message] ?? "This did not work.";
        button.disabled = false;
        button.focus();
      }
    });
  }

  for (const form of document.querySelectorAll("form[data-webauthn]")) prepare(form);
})();
