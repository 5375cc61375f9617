// Makes the world that expressions see. It serves one message and is then put back as it was, so that nothing in it
// outlives a step. Nothing here does I/O; the arguments are the only way out, and they only read.
(function (count, item, find, paired, chance) {
  "use strict";
  const { stringify } = JSON;
  const { freeze, keys, getPrototypeOf, getOwnPropertyNames, defineProperty, preventExtensions } = Object;
  const PlainDate = Date, PlainPromise = Promise;

  // Code from text would escape the check that an expression is one expression.
  const blocked = function Function() {
    throw new EvalError("an expression cannot make code from text");
  };
  const samples = [function () {}, function* () {}, async function () {}, async function* () {}];
  for (const sample of samples) defineProperty(getPrototypeOf(sample), "constructor", { value: blocked });
  blocked.prototype = Function.prototype;
  globalThis.Function = blocked;
  defineProperty(Math, "random", { value: function random() { return chance(); } });
  delete globalThis.eval;
  delete Error.prepareStackTrace;
  delete Error.stackTraceLimit;

  // Items of one step share this world. Nothing can be added to what all of them see; frozen it is not, for then no
  // object could have a key such as `constructor` by assignment.
  const isObject = (value) => (typeof value === "object" || typeof value === "function") && value !== null;
  const shared = getOwnPropertyNames(globalThis).map((name) => globalThis[name]).filter(isObject);
  const hidden = [[].values(), ""[Symbol.iterator](), new Map().values(), new Set().values(), ...samples];
  for (const one of shared) {
    preventExtensions(one);
    if (isObject(one.prototype)) preventExtensions(one.prototype);
  }
  for (const one of hidden) preventExtensions(getPrototypeOf(one));
  preventExtensions(globalThis);

  function deepFreeze(value) {
    if (isObject(value)) {
      for (const key of keys(value)) deepFreeze(value[key]);
      freeze(value);
    }
    return value;
  }

  const lists = new Map();
  let run, workflow, env, now, iteration;
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
      found = deepFreeze(item(list.node, list.port, index));
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

  // From now on expressions belong to one message.
  function enter(time, round, ...constants) {
    now = time;
    iteration = round;
    [run, workflow, env] = deepFreeze(constants);
  }
  function evaluate(expression, json, index) {
    const other = (name) => collection(find(`${name}`), index);
    return expression(json, collection(-1, index), other, run, workflow, env, new PlainDate(now), index, iteration);
  }
  function toJson(value) {
    if (value instanceof PlainPromise) throw new TypeError("the result is a promise, and an expression cannot wait");
    return stringify(value);
  }
  return [enter, evaluate, toJson];
})
