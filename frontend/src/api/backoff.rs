//! How long to wait before the next attempt to connect.

/// Milliseconds to wait after `failures` attempts in a row that failed: half a second at first, doubled each time, at most
/// 15 seconds. `random` in 0..1 spreads the clients of a server that came back, between half of that and all of it.
pub(super) fn delay_ms(failures: u32, random: f64) -> u32 {
    let full = 500u32.saturating_mul(1 << failures.min(6)).min(15_000);
    let half = full / 2;
    half + (f64::from(half) * random.clamp(0.0, 1.0)) as u32
}

#[cfg(test)]
mod tests {
    use super::delay_ms;

    #[test]
    fn it_grows_from_half_a_second_to_fifteen() {
        assert_eq!(delay_ms(0, 1.0), 500);
        assert_eq!(delay_ms(1, 1.0), 1_000);
        assert_eq!(delay_ms(3, 0.0), 2_000);
        assert_eq!(delay_ms(40, 1.0), 15_000);
        assert_eq!(delay_ms(u32::MAX, 7.0), 15_000);
    }
}
