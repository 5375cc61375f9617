// What has to do with locales and time zones. The engine's own methods would pass over what they are asked for and answer
// as if nothing had been. Where `libraries.intl` is loaded, it does what it can; what nobody can is refused by name.
(function (libraries) {
  "use strict";
  const { defineProperty } = Object;
  const { apply } = Reflect;

  // A method that asks `instead` first, if that is there; else arguments from `first` on are refused.
  function replace(prototype, name, first, why, instead) {
    const plain = prototype[name];
    if (typeof plain !== "function") return;
    const { [name]: method } = {
      [name](...asked) {
        if (instead !== undefined && libraries.intl !== undefined) return instead(libraries.intl, this, asked);
        if (asked.slice(first).some((one) => one !== undefined)) throw new TypeError(why);
        return apply(plain, this, asked);
      },
    };
    defineProperty(prototype, name, { value: method });
  }
  const unavailable = (type, name, instead) =>
    `${type}.${name} knows no locales, time zones or options: Intl is not available; ${instead}`;
  function refuse(type, prototype, name, first, instead) {
    replace(prototype, name, first, unavailable(type, name, instead));
  }

  for (const name of ["toLocaleString", "toLocaleDateString", "toLocaleTimeString"]) {
    const why = unavailable("Date", name, "use toISOString() or parts of the date, such as getUTCHours()");
    replace(Date.prototype, name, 0, why, (intl, date, [locales, options]) => intl.date(name, date, locales, options));
  }
  const why = unavailable("Number", "toLocaleString", "use toFixed()");
  const ofNumber = (intl, number, [locales, options]) => intl.number(number, locales, options);
  replace(Number.prototype, "toLocaleString", 0, why, ofNumber);
  replace(BigInt.prototype, "toLocaleString", 0, why, ofNumber);
  refuse("Array", Array.prototype, "toLocaleString", 0, "use map() and join()");
  refuse("String", String.prototype, "localeCompare", 1, "compare what toLowerCase() or normalize() gives");
  refuse("String", String.prototype, "toLocaleUpperCase", 0, "use toUpperCase()");
  refuse("String", String.prototype, "toLocaleLowerCase", 0, "use toLowerCase()");
})
