//! Where a driver can park: places by distance, those that are known to have room before those that may have.

use std::sync::Arc;

use domain::Timestamp;
use domain::limits::{NEAR_VISITED_MAX, STAY_MIN_MAX};
use domain::registry::{Bay, Feature, Vehicle};
use geo::Point;
use serde_json::{Value, json};

use super::TAG;
use crate::access::Asker;
use crate::answer::{Answer, List};
use crate::api::Endpoint;
use crate::app::App;
use crate::board::{Standing, class_of};
use crate::call::Call;
use crate::city::City;
use crate::format;
use crate::ground::{For, Group, InReach, Place, walk_min};
use crate::parameter::{Arguments, FaultKind, Kind, Parameter};
use crate::parking::{FEATURES, VEHICLES, bay_as_place, site_example, site_item, site_schema};
use crate::problem::Problem;
use crate::schema;

const LAT: Parameter =
    Parameter::query("lat", Kind::Number { min: -90.0, max: 90.0 }, "Degrees north (WGS 84).").required().example("21.0285");
const LON: Parameter =
    Parameter::query("lon", Kind::Number { min: -180.0, max: 180.0 }, "Degrees east (WGS 84).").required().example("105.8542");
const RADIUS: Parameter =
    Parameter::query("radius_m", Kind::Number { min: 1.0, max: 5_000.0 }, "Metres along the ground to the place's point.")
        .or("500");
const LIMIT: Parameter = Parameter::query("limit", Kind::Integer { min: 1, max: 200 }, "Items at most.").or("20");
const VEHICLE: Parameter = Parameter::query("vehicle", Kind::Word(&VEHICLES), "What is to be parked.").or("car");
const FEATURE: Parameter = Parameter::query(
    "feature",
    Kind::Word(&FEATURES),
    "Only places with room among those that `free_by_feature` counts under this feature.",
);
const MIN_FREE: Parameter = Parameter::query(
    "min_free",
    Kind::Integer { min: 0, max: 10_000 },
    "Free places that a site must have; of a single bay 1 is enough. 0 shows full and closed places as well.",
)
.or("1");
const OPEN: Parameter = Parameter::query(
    "open",
    Kind::Word(&["now", "any"]),
    "`now`: only what is open at `arrive_at` by its opening hours and closures. Hours that cannot be read hide nothing: `open` is null.",
)
.or("now");
const ARRIVE_AT: Parameter = Parameter::query(
    "arrive_at",
    Kind::Time,
    "When the driver comes: opening hours, closures and cost are judged then. Now unless given; `free` is always as of now.",
)
.example("2026-11-24T09:30:00+07:00");
const STAY_MIN: Parameter = Parameter::query(
    "stay_min",
    Kind::Integer { min: 1, max: STAY_MIN_MAX as i64 },
    "Minutes of the stay: gives `cost`, and bays that do not allow so long a stay are not room.",
)
.example("90");
const GROUP: Parameter =
    Parameter::query("group", Kind::Word(&["site", "bay"]), "One item a site; or one a bay, and one a lot that has none.")
        .or("site");

pub const ENDPOINT: Endpoint = Endpoint::get("/v1/parking/near", "near", |app, call| Box::pin(async move { near(&app, call).await }))
    .says(
        TAG,
        "Free places near a point",
        "By distance. Places that have room come first; then, with `uncertain: true`, those that may have it but whose sensors are \
         silent. `distance_m` is along the ground to the place's point (a street's midpoint, a lot's point on surface); `walk_min` \
         = distance_m × 1.22 / 80, rounded up: streets are no straight lines, and one walks 80 m a minute.",
    )
    .takes(&[LAT, LON, RADIUS, LIMIT, VEHICLE, FEATURE, MIN_FREE, OPEN, ARRIVE_AT, STAY_MIN, GROUP])
    .formats(format::PLACES)
    .answers(described, example);

struct Wish {
    from: Point<f64>,
    radius_m: f64,
    limit: usize,
    whom: For,
    min_free: u32,
    only_open: bool,
    arrive_at: Option<Timestamp>,
    stay_min: Option<u32>,
    group: Group,
    asker: Asker,
}

/// A place that fits.
struct Found {
    place: Place,
    /// In the layout's sites.
    site: usize,
    distance_m: f64,
    open: Option<bool>,
}

/// Places of the class that is asked for.
#[derive(Clone, Copy)]
struct Room {
    free: u32,
    unknown: u32,
}

async fn near(app: &App, call: Call) -> Result<Answer, Problem> {
    let wish = Wish::of(&call.arguments, call.asker)?;
    let (standing, now) = app.board.at(app.now()).await?;
    if !standing.ground.is_ready(wish.group) {
        let (standing, group) = (Arc::clone(&standing), wish.group);
        app.aside(move || {
            standing.ground.prepare(&standing.layout, group);
            Ok(())
        })
        .await?;
    }
    let (items, searched_m) = places(&standing, now, &app.city, &wish);
    let mut list = List::new(super::in_format(items, call.format), None, now);
    list.head.insert("searched_m".to_owned(), json!(searched_m));
    Ok(Answer::List(list))
}

/// The items, and the distance up to which none is missing.
fn places(standing: &Standing, now: Timestamp, city: &City, wish: &Wish) -> (Vec<Value>, u64) {
    let search = Search { standing, now, at: wish.arrive_at.unwrap_or(now), city, wish };
    let Reached { certain, uncertain, searched_m } = search.find();
    let items = certain.iter().map(|found| search.item(found, false));
    let items = items.chain(uncertain.iter().map(|found| search.item(found, true)));
    (items.flatten().collect(), searched_m.floor() as u64)
}

/// By distance: what has room, and what may have; together no more than asked for.
struct Reached {
    certain: Vec<Found>,
    uncertain: Vec<Found>,
    searched_m: f64,
}

impl Wish {
    fn of(arguments: &Arguments, asker: Asker) -> Result<Self, Problem> {
        let number = |parameter: &Parameter| {
            arguments.number(parameter.name).ok_or_else(|| Problem::parameter(parameter.name, FaultKind::Missing))
        };
        let word = |parameter: &Parameter| arguments.text(parameter.name).unwrap_or_default();
        let feature = Feature::ALL.into_iter().find(|feature| feature.name() == word(&FEATURE));
        let vehicle = Vehicle::ALL.into_iter().find(|vehicle| vehicle.name() == word(&VEHICLE));
        Ok(Self {
            from: Point::new(number(&LON)?, number(&LAT)?),
            radius_m: number(&RADIUS)?,
            limit: arguments.size(LIMIT.name),
            whom: For { vehicle: vehicle.unwrap_or_default(), class: feature.map_or(0, |feature| 1 + feature as usize) },
            min_free: u32::try_from(arguments.size(MIN_FREE.name)).expect("declared with a maximum"),
            only_open: word(&OPEN) == "now",
            arrive_at: arguments.time(ARRIVE_AT.name),
            stay_min: arguments.integer(STAY_MIN.name).and_then(|minutes| u32::try_from(minutes).ok()),
            group: if word(&GROUP) == "bay" { Group::Bay } else { Group::Site },
            asker,
        })
    }

    fn allows(&self, bay: &Bay) -> bool {
        self.stay_min.zip(bay.max_stay_min).is_none_or(|(stay, max)| stay <= max)
    }
}

struct Search<'a> {
    standing: &'a Standing,
    now: Timestamp,
    /// When the driver comes.
    at: Timestamp,
    city: &'a City,
    wish: &'a Wish,
}

impl Search<'_> {
    fn find(&self) -> Reached {
        let (ground, layout, wish) = (&self.standing.ground, &self.standing.layout, self.wish);
        let (mut certain, mut uncertain) = (Vec::new(), Vec::new());
        let (mut visited, mut searched_m) = (0, wish.radius_m);
        let mut take = |reached: InReach| {
            visited += self.bays_looked_at(reached.place);
            if visited > NEAR_VISITED_MAX {
                searched_m = reached.distance_m;
                return false;
            }
            let wanted = match reached.place {
                Place::Site(_) => wish.min_free,
                Place::Bay(_) => wish.min_free.min(1),
            };
            if let Some((site, room)) = self.room(reached.place) {
                let may_have = room.free < wanted.max(1) && room.free + room.unknown >= wanted.max(1);
                let list = if may_have { &mut uncertain } else { &mut certain };
                if (may_have || room.free >= wanted) && list.len() < wish.limit {
                    list.extend(self.open(reached.place, site).map(|open| Found {
                        place: reached.place,
                        site,
                        distance_m: reached.distance_m,
                        open,
                    }));
                }
            }
            if certain.len() == wish.limit {
                searched_m = reached.distance_m;
            }
            certain.len() < wish.limit
        };
        // Behind the last one that is certain nothing more is needed: those that are uncertain would not be shown.
        match wish.group {
            Group::Site => ground.sites_near(layout, wish.whom, wish.from, wish.radius_m).all(&mut take),
            Group::Bay => ground.bays_near(layout, wish.whom, wish.from, wish.radius_m).all(&mut take),
        };
        uncertain.truncate(wish.limit - certain.len());
        Reached { certain, uncertain, searched_m }
    }

    /// How much work a place is.
    fn bays_looked_at(&self, place: Place) -> usize {
        match place {
            Place::Site(site) if self.wish.stay_min.is_some() => self.standing.layout.sites[site].bays.len().max(1),
            _ => 1,
        }
    }

    /// What a place has for this driver, and its site; `None` where that is nothing of his.
    fn room(&self, place: Place) -> Option<(usize, Room)> {
        let (standing, wish) = (self.standing, self.wish);
        let layout = &standing.layout;
        let site = match place {
            Place::Site(site) => site,
            Place::Bay(bay) => standing.site_of(bay)?,
        };
        let (entry, tally, class) = (&layout.sites[site], &standing.tallies[site], wish.whom.class);
        let room = match place {
            // Of a site without room none is looked at.
            Place::Bay(_) if wish.min_free > 0 && tally.free[class] + tally.unknown[class] == 0 => return None,
            Place::Bay(bay) if !wish.asker.sees(&layout.bays[bay]) => return None,
            Place::Bay(bay) => self.room_of_bay(bay)?,
            Place::Site(_) if wish.stay_min.is_some() && !entry.is_counter() => {
                let rooms = entry.bays.clone().filter_map(|bay| self.room_of_bay(bay));
                rooms.fold(Room { free: 0, unknown: 0 }, |sum, room| Room {
                    free: sum.free + room.free,
                    unknown: sum.unknown + room.unknown,
                })
            }
            Place::Site(_) => Room { free: tally.free[class], unknown: tally.unknown[class] },
        };
        Some((site, room))
    }

    fn room_of_bay(&self, bay: usize) -> Option<Room> {
        use domain::bay::State;
        let of = &self.standing.layout.bays[bay];
        if class_of(of) != self.wish.whom.class || !self.wish.allows(of) {
            return None;
        }
        let (_, is) = self.standing.bay(bay, self.now)?;
        Some(Room { free: u32::from(is.state == State::Vacant), unknown: u32::from(is.state == State::Unknown) })
    }

    /// Whether it is open when the driver comes; the outer `None` where that hides it.
    fn open(&self, place: Place, site: usize) -> Option<Option<bool>> {
        let layout = &self.standing.layout;
        let closed = match place {
            Place::Site(_) => layout.sites[site].site.closure_at(self.at),
            Place::Bay(bay) => layout.closure_of_bay(bay, self.at),
        };
        let open = match closed {
            Some(_) => Some(false),
            None => self.standing.ground.opening(layout, site).is_open(self.at, self.city),
        };
        (!self.wish.only_open || open != Some(false)).then_some(open)
    }

    fn item(&self, found: &Found, uncertain: bool) -> Option<Value> {
        let mut item = match found.place {
            Place::Site(site) => {
                let mut item = site_item(self.standing, site, self.now);
                item["site"] = item["id"].clone();
                item["features"] = json!([]);
                item["max_stay_min"] = Value::Null;
                item
            }
            Place::Bay(bay) => bay_as_place(self.standing, bay, self.now)?,
        };
        let price = self.standing.layout.sites[found.site].site.price.as_ref();
        let cost = price.zip(self.wish.stay_min).and_then(|(price, stay)| price.cost(self.at, stay, &self.city.zone));
        item["distance_m"] = json!(found.distance_m.round() as u64);
        item["walk_min"] = json!(walk_min(found.distance_m));
        item["open"] = json!(found.open);
        item["uncertain"] = json!(uncertain);
        item["cost"] = json!(cost);
        item["p_free"] = Value::Null;
        item["p_free_reason"] = json!(NO_FORECAST);
        Some(item)
    }
}

/// Why `p_free` is null.
const NO_FORECAST: &str = "not_forecast";

fn described() -> Value {
    let searched = schema::integer(
        "metres: up to here no place is missing that belongs in the answer; less than `radius_m` where there are too many to look at all",
    );
    let item = site_schema([
        ("site", schema::text("the site; of an item that is a site, itself")),
        ("features", schema::array(schema::word(&FEATURES, "a feature"), "of a single bay: whom or what it is kept for")),
        ("max_stay_min", schema::or_null(schema::integer("of a single bay: the longest stay that is allowed, minutes"))),
        ("distance_m", schema::integer("metres along the ground to `point`")),
        ("walk_min", schema::integer("minutes on foot: distance_m × 1.22 / 80, rounded up")),
        ("open", schema::or_null(schema::flag("at `arrive_at`; null where the hours cannot be read"))),
        ("uncertain", schema::flag("it may have room, and its sensors do not tell")),
        (
            "cost",
            schema::or_null(schema::number(
                "of the stay in the price's currency; null without `stay_min` or rules that are understood",
            )),
        ),
        (
            "p_free",
            schema::or_null(schema::number(
                "the chance of a free place at `arrive_at`; null: this server makes no forecasts yet",
            )),
        ),
        ("p_free_reason", schema::or_null(schema::text("why `p_free` is null: not_forecast"))),
    ]);
    schema::list_with(item, [("searched_m", searched)])
}

fn example() -> Value {
    let mut item = site_example();
    let more = json!({"site": "trang-tien", "features": [], "max_stay_min": null, "distance_m": 448, "walk_min": 7, "open": true,
        "uncertain": false, "cost": 50000.0, "p_free": null, "p_free_reason": NO_FORECAST});
    for (key, value) in more.as_object().into_iter().flatten() {
        item[key] = value.clone();
    }
    let mut example = super::listed(item);
    example["searched_m"] = json!(500);
    example
}

#[cfg(test)]
mod speed;
