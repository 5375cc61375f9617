// The engine knows no locales and no time zones (ECMA-402). Its methods would pass over what they are asked for and
// answer as if nothing had been; here they refuse it by name.
(function () {
  "use strict";
  const { defineProperty } = Object;
  const { apply } = Reflect;

  function refuse(type, prototype, name, first, instead) {
    const plain = prototype[name];
    if (typeof plain !== "function") return;
    const { [name]: method } = {
      [name](...asked) {
        for (let place = first; place < asked.length; place++) {
          if (asked[place] === undefined) continue;
          throw new TypeError(
            `${type}.${name} knows no locales, time zones or options: Intl is not available; ${instead}`);
        }
        return apply(plain, this, asked);
      },
    };
    defineProperty(prototype, name, { value: method });
  }

  const parts = "use toISOString() or parts of the date, such as getUTCHours()";
  for (const name of ["toLocaleString", "toLocaleDateString", "toLocaleTimeString"]) {
    refuse("Date", Date.prototype, name, 0, parts);
  }
  refuse("Number", Number.prototype, "toLocaleString", 0, "use toFixed()");
  refuse("BigInt", BigInt.prototype, "toLocaleString", 0, "use toString()");
  refuse("Array", Array.prototype, "toLocaleString", 0, "use map() and join()");
  refuse("String", String.prototype, "localeCompare", 1, "compare what toLowerCase() or normalize() gives");
  refuse("String", String.prototype, "toLocaleUpperCase", 0, "use toUpperCase()");
  refuse("String", String.prototype, "toLocaleLowerCase", 0, "use toLowerCase()");
})();
