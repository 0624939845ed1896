//! Invented names: a thing and a plant, beast or stuff, in Vietnamese and in English. No person is named.

use domain::rng::Rng;

/// A name in the city's language and in English.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub vi: String,
    pub en: String,
}

/// Vietnamese and its plain letters.
type Word = (&'static str, &'static str);

const FIRST: [Word; 14] = [
    ("Hoa", "Hoa"),
    ("Bến", "Ben"),
    ("Cầu", "Cau"),
    ("Vườn", "Vuon"),
    ("Hồ", "Ho"),
    ("Đồi", "Doi"),
    ("Rừng", "Rung"),
    ("Suối", "Suoi"),
    ("Chợ", "Cho"),
    ("Cửa", "Cua"),
    ("Gốc", "Goc"),
    ("Làng", "Lang"),
    ("Giếng", "Gieng"),
    ("Bãi", "Bai"),
];

const SECOND: [Word; 40] = [
    ("Sen", "Sen"),
    ("Mai", "Mai"),
    ("Đào", "Dao"),
    ("Cúc", "Cuc"),
    ("Trúc", "Truc"),
    ("Tùng", "Tung"),
    ("Bách", "Bach"),
    ("Liễu", "Lieu"),
    ("Quế", "Que"),
    ("Phượng", "Phuong"),
    ("Hạc", "Hac"),
    ("Cá", "Ca"),
    ("Ngựa", "Ngua"),
    ("Lúa", "Lua"),
    ("Gạo", "Gao"),
    ("Trà", "Tra"),
    ("Mật", "Mat"),
    ("Tre", "Tre"),
    ("Mây", "May"),
    ("Lụa", "Lua"),
    ("Gốm", "Gom"),
    ("Đồng", "Dong"),
    ("Bạc", "Bac"),
    ("Đá", "Da"),
    ("Cát", "Cat"),
    ("Nắng", "Nang"),
    ("Mưa", "Mua"),
    ("Gió", "Gio"),
    ("Sao", "Sao"),
    ("Trăng", "Trang"),
    ("Khế", "Khe"),
    ("Bưởi", "Buoi"),
    ("Cam", "Cam"),
    ("Ổi", "Oi"),
    ("Nhãn", "Nhan"),
    ("Vải", "Vai"),
    ("Bàng", "Bang"),
    ("Sấu", "Sau"),
    ("Xoan", "Xoan"),
    ("Gạch", "Gach"),
];

/// Deals out pairs of words in a seeded order; the second round is numbered as alleys are (`Ngõ 2 …`).
pub struct Names {
    order: Vec<(Word, Word)>,
    dealt: usize,
}

impl Names {
    pub fn new(mut rng: Rng) -> Self {
        let mut order: Vec<_> = FIRST.iter().flat_map(|first| SECOND.iter().map(move |second| (*first, *second))).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, rng.below(last as u64 + 1) as usize);
        }
        Self { order, dealt: 0 }
    }

    pub fn ward(&mut self) -> Name {
        let (vi, en, round) = self.next();
        if round == 1 {
            return Name { vi: format!("Phường {vi}"), en: format!("{en} Ward") };
        }
        Name { vi: format!("Phường {vi} {round}"), en: format!("{en} Ward {round}") }
    }

    pub fn street(&mut self) -> Name {
        let (vi, en, round) = self.next();
        if round == 1 {
            return Name { vi: format!("Phố {vi}"), en: format!("{en} Street") };
        }
        Name { vi: format!("Ngõ {round} phố {vi}"), en: format!("Alley {round}, {en} Street") }
    }

    pub fn lot(&mut self) -> Name {
        let (vi, en, round) = self.next();
        if round == 1 {
            return Name { vi: format!("Bãi đỗ xe {vi}"), en: format!("{en} Car Park") };
        }
        Name { vi: format!("Bãi đỗ xe {vi} {round}"), en: format!("{en} Car Park {round}") }
    }

    fn next(&mut self) -> (String, String, usize) {
        let (first, second) = self.order[self.dealt % self.order.len()];
        let round = self.dealt / self.order.len() + 1;
        self.dealt += 1;
        (format!("{} {}", first.0, second.0), format!("{} {}", first.1, second.1), round)
    }
}
