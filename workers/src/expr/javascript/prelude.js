// Makes the world that expressions see, and freezes it: what one expression does to the language's own objects, no
// later one can notice. Nothing here does I/O; the arguments are the only way out, and they only read.
(function (count, item, find, paired) {
  "use strict";
  const { parse, stringify } = JSON;
  const { freeze, keys, getPrototypeOf, getOwnPropertyDescriptor, defineProperty } = Object;
  const { ownKeys } = Reflect;
  const PlainDate = Date, PlainPromise = Promise;

  // Code from text would escape the limits of what was checked, and the global scope of `let` cannot be frozen.
  const blocked = function Function() {
    throw new EvalError("an expression cannot make code from text");
  };
  const samples = [function () {}, function* () {}, async function () {}, async function* () {}];
  for (const sample of samples) defineProperty(getPrototypeOf(sample), "constructor", { value: blocked });
  blocked.prototype = Function.prototype;
  globalThis.Function = blocked;
  delete globalThis.eval;
  delete Error.prepareStackTrace;
  delete Error.stackTraceLimit;

  // Objects of the language that no name leads to.
  function hidden() {
    const makers = [
      () => [].values().map((x) => x), () => Iterator.from({ next() {} }), () => Iterator.concat([]),
      () => Iterator.zip([[]]), () => Iterator.zipKeyed({}), () => /x/g[Symbol.matchAll]("x"),
      function () { return getOwnPropertyDescriptor(arguments, "callee").get; },
    ];
    return makers.map((make) => { try { return make(); } catch { return undefined; } });
  }

  function freezeWorld() {
    const seen = new Set();
    const open = [
      globalThis, ...samples, [][Symbol.iterator](), ""[Symbol.iterator](), new Map().entries(), new Set().values(),
      "".matchAll(/x/g), (function* () {})(), (async function* () {})(), blocked, ...hidden(),
    ];
    while (open.length > 0) {
      const next = open.pop();
      if ((typeof next !== "object" && typeof next !== "function") || next === null || seen.has(next)) continue;
      seen.add(next);
      open.push(getPrototypeOf(next));
      for (const key of ownKeys(next)) {
        const { value, get, set } = getOwnPropertyDescriptor(next, key);
        open.push(value, get, set);
      }
    }
    for (const one of seen) freeze(one);
  }

  function deepFreeze(value) {
    if (typeof value === "object" && value !== null) {
      for (const key of keys(value)) deepFreeze(value[key]);
      freeze(value);
    }
    return value;
  }

  let lists, run, workflow, env, now;
  function list(node, port) {
    const key = port === undefined ? node : `${node}:${port}`;
    let found = lists.get(key);
    if (found === undefined) {
      found = { node, port, length: count(node, port), items: new Map() };
      lists.set(key, found);
    }
    return found;
  }
  function at(list, index) {
    if (index < 0 || index >= list.length) return undefined;
    let found = list.items.get(index);
    if (found === undefined) {
      found = deepFreeze(parse(item(list.node, list.port, index)));
      list.items.set(index, found);
    }
    return found;
  }
  function all(list) {
    const items = [];
    for (let index = 0; index < list.length; index++) items.push(at(list, index));
    return items;
  }
  function collection(node, index) {
    return freeze({
      all: (port) => all(list(node, port)),
      first: (port) => at(list(node, port), 0),
      last: (port) => { const items = list(node, port); return at(items, items.length - 1); },
      get item() { return at(list(node), paired(node, index)); },
    });
  }

  freezeWorld();

  // Between `enter` and `leave` expressions belong to one attempt.
  function enter(constants, time) {
    lists = new Map();
    [run, workflow, env] = deepFreeze(parse(constants));
    now = time;
  }
  function leave() {
    lists = run = workflow = env = now = undefined;
  }
  function evaluate(expression, text, index) {
    const json = text === undefined ? undefined : parse(text);
    const other = (name) => collection(find(`${name}`), index);
    return expression(json, collection(-1, index), other, run, workflow, env, new PlainDate(now), index);
  }
  function toJson(value) {
    if (value instanceof PlainPromise) throw new TypeError("the result is a promise, and an expression cannot wait");
    return stringify(value);
  }
  return [enter, leave, evaluate, toJson];
})
