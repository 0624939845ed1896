// The overview: asks the live API every few seconds and shows what it answers, with its age.
const texts = {
  en: { now: "Now", free: "Free places", near_me: "Near me", place: "Place", free_short: "Free", of: "of", walk: "Walk", age: "Age",
        station: "Station", api: "API", readings: "readings kept", duplicates: "duplicates", refused: "refused", lag: "lag, ms",
        sites: "sites", stations: "stations", other: "Tiếng Việt", minutes: "min", centre: "around the centre",
        well: "The server answers.", gone: "The server does not answer; what stands here is old.", none: "nothing here yet" },
  vi: { now: "Hiện tại", free: "Chỗ đỗ trống", near_me: "Gần tôi", place: "Địa điểm", free_short: "Trống", of: "trên", walk: "Đi bộ", age: "Tuổi",
        station: "Trạm", api: "API", readings: "số đo đã lưu", duplicates: "trùng lặp", refused: "bị từ chối", lag: "độ trễ, ms",
        sites: "bãi đỗ", stations: "trạm", other: "English", minutes: "phút", centre: "quanh trung tâm",
        well: "Máy chủ đang hoạt động.", gone: "Máy chủ không trả lời; số liệu ở đây đã cũ.", none: "chưa có gì" },
};
const by = (id) => document.getElementById(id);
let language = localStorage.getItem("language") || (navigator.language.startsWith("vi") ? "vi" : "en");
let place = null;

const t = (key) => texts[language][key];
const number = (value) => new Intl.NumberFormat(language).format(value);
const age = (s) => (s === null || s === undefined ? "–" : s < 90 ? `${Math.round(s)} s` : `${Math.round(s / 60)} ${t("minutes")}`);

async function ask(path) {
  const response = await fetch(path, { headers: { "accept-language": language } });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

function row(cells, stale) {
  const tr = document.createElement("tr");
  if (stale) tr.className = "stale";
  cells.forEach((cell, index) => {
    const td = document.createElement("td");
    if (index > 0) td.className = "number";
    if (cell instanceof Node) td.append(cell); else td.textContent = cell;
    tr.append(td);
  });
  return tr;
}

function strong(text) {
  const node = document.createElement("strong");
  node.textContent = text;
  return node;
}

const localName = (item) => item.names?.[language] || item.name || item.id;

async function showNumbers() {
  const [ledger, ingest] = await Promise.all([ask("/v1/ops/ledger"), ask("/v1/ops/ingest")]);
  const refused = Object.values(ledger.rejected).reduce((sum, n) => sum + n, 0);
  const items = [[ledger.accepted, "readings"], [ledger.duplicate, "duplicates"], [refused, "refused"], [ingest.lag_ms, "lag"]];
  by("numbers").replaceChildren(...items.map(([value, key]) => {
    const box = document.createElement("div");
    const term = document.createElement("dt"), data = document.createElement("dd");
    term.textContent = t(key);
    data.textContent = number(value);
    box.append(term, data);
    return box;
  }));
}

async function centre() {
  const sites = await ask("/v1/parking/sites?limit=1");
  const [site] = sites.items;
  return site ? { lat: site.point.lat ?? site.point.coordinates[1], lon: site.point.lon ?? site.point.coordinates[0] } : null;
}

async function showNear() {
  place ??= await centre();
  if (!place) { by("near").replaceChildren(row([t("none"), "", "", "", ""])); return; }
  const near = await ask(`/v1/parking/near?lat=${place.lat}&lon=${place.lon}&radius_m=3000&limit=12`);
  by("near").replaceChildren(...near.items.map((item) => row(
    [localName(item), strong(item.uncertain ? "?" : number(item.free)), number(item.capacity), `${item.walk_min} ${t("minutes")}`, age(item.age_s)],
    item.stale || item.uncertain)));
}

async function showAir() {
  const latest = await ask("/v1/air/latest?pollutant=pm25");
  by("air").replaceChildren(...latest.items.map((item) => {
    const value = item.values?.pm25 ?? item;
    return row([localName(item), strong(value.value === null || value.value === undefined ? "–" : number(value.value)), age(value.age_s)], value.stale);
  }));
}

async function show() {
  try {
    await Promise.all([showNumbers(), showNear(), showAir()]);
    by("state").textContent = t("well");
  } catch (error) {
    by("state").textContent = `${t("gone")} (${error.message})`;
  }
}

function speak() {
  document.documentElement.lang = language;
  document.querySelectorAll("[data-i18n]").forEach((node) => { node.textContent = t(node.dataset.i18n); });
  by("language").textContent = t("other");
}

by("language").addEventListener("click", () => {
  language = language === "vi" ? "en" : "vi";
  localStorage.setItem("language", language);
  speak();
  show();
});
by("locate").addEventListener("click", () => navigator.geolocation.getCurrentPosition((found) => {
  place = { lat: found.coords.latitude, lon: found.coords.longitude };
  show();
}));
ask("/v1").then((landing) => { by("city").textContent = landing.city?.name ?? landing.city ?? "Kerbside"; }).catch(() => {});
speak();
show();
setInterval(show, 5000);
