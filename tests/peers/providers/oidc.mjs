// An OpenID provider (certified library) on loopback, told what to do by one JSON argument:
// {port, clients: [...], people: "path of a JSON file: {login: {claims}}"}.
// Whoever opens its sign-in page with ?login=NAME&amr=A,B is signed in as NAME; without, a form asks.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import Provider from "oidc-provider";

const options = JSON.parse(process.argv[2]);
const issuer = `http://127.0.0.1:${options.port}`;
const people = () => JSON.parse(readFileSync(options.people, "utf-8"));
const scopes = ["openid", "profile", "email", "groups"];

const provider = new Provider(issuer, {
  clients: options.clients,
  scopes,
  claims: {
    openid: ["sub", "amr", "acr"],
    profile: ["name", "preferred_username"],
    email: ["email", "email_verified"],
    groups: ["groups"],
  },
  features: { devInteractions: { enabled: false } },
  pkce: { required: () => true },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  async findAccount(_, login) {
    const claims = people()[login];
    return claims && { accountId: login, claims: async () => ({ sub: login, ...claims }) };
  },
  async loadExistingGrant(ctx) {
    const { oidc } = ctx;
    const grant = new oidc.provider.Grant({
      clientId: oidc.client.clientId,
      accountId: oidc.session.accountId,
    });
    grant.addOIDCScope(scopes.join(" "));
    await grant.save();
    return grant;
  },
  cookies: { keys: ["only for tests"] },
});
const FORM =
  "<!doctype html><title>Sign in</title><form><label>Name <input name=login></label><button>Go</button></form>";

createServer(async (request, response) => {
  const url = new URL(request.url, issuer);
  if (!url.pathname.startsWith("/interaction/")) return provider.callback()(request, response);
  const login = url.searchParams.get("login");
  if (!login) return response.setHeader("Content-Type", "text/html").end(FORM);
  const amr = (url.searchParams.get("amr") ?? "pwd").split(",");
  const result =
    login === "nobody"
      ? { error: "access_denied", error_description: "cancelled" }
      : { login: { accountId: login, amr, remember: true } };
  try {
    await provider.interactionFinished(request, response, result);
  } catch (error) {
    response.writeHead(400).end(String(error));
  }
}).listen(options.port, "127.0.0.1", () => console.log("ready"));
