// A SAML identity provider on loopback, told what to do by one JSON argument:
// {port, issuer, key, cert: "paths of PEM files", people: "path of a JSON file: {login: {claims}}"}.
// GET /sso?SAMLRequest=…&login=NAME answers at once with the page that posts the response; `with` is
// JSON that is laid over what the library is asked to make, for responses that are not as they should.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import samlp from "samlp";

const options = JSON.parse(process.argv[2]);
const base = {
  issuer: options.issuer,
  key: readFileSync(options.key),
  cert: readFileSync(options.cert),
  nameIdentifierFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
};
const people = () => JSON.parse(readFileSync(options.people, "utf-8"));
const mapper = (user) => ({
  getClaims: () => user.claims,
  getNameIdentifier: () => ({ nameIdentifier: user.login }),
});
const FORM =
  "<!doctype html><title>Sign in</title><form><label>Name <input name=login></label>";

function answer(request, response, url, login) {
  const forged = JSON.parse(url.searchParams.get("with") ?? "{}");
  request.query = Object.fromEntries(url.searchParams);
  samlp.parseRequest(request, (failure, asked) => {
    const consumer = asked?.assertionConsumerServiceURL ?? forged.recipient;
    const told = { ...base, destination: consumer, recipient: consumer, ...forged };
    if (forged.key) told.key = readFileSync(forged.key);
    if (forged.cert) told.cert = readFileSync(forged.cert);
    const auth = samlp.auth({
      ...told,
      profileMapper: mapper,
      getPostURL: (_audience, _dom, _request, done) => done(null, consumer),
      getUserFromRequest: () => ({ login, claims: people()[login] }),
    });
    response.set = (name, value) => response.setHeader(name, value);
    response.send = (body) => response.end(String(body));
    auth(request, response, (error) => response.writeHead(400).end(String(error)));
  });
}

createServer((request, response) => {
  const url = new URL(request.url, `http://127.0.0.1:${options.port}`);
  const login = url.searchParams.get("login");
  if (login) return answer(request, response, url, login);
  const kept = [...url.searchParams]
    .map(([name, value]) => `<input type=hidden name="${name}" value="${value}">`)
    .join("");
  response.setHeader("Content-Type", "text/html");
  response.end(`${FORM}${kept}<button>Go</button></form>`);
}).listen(options.port, "127.0.0.1", () => console.log("ready"));
