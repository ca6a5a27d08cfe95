//! The second stage: from rows to alerts. Rows of any schema enter here, as long as a classifier knows them.

use crate::alert::{Alert, Incidents, Judgement, Scene, Witness};
use crate::detect::{Judges, View};
use crate::feature::{Features, JudgedFlow};
use crate::flow::Window;

/// Everything that judges, and what comes of it.
#[derive(Debug)]
pub struct JudgeStage {
    judges: Judges,
    incidents: Incidents,
    judgements: Vec<Judgement>,
    talk_judgements: Vec<Judgement>,
}

impl JudgeStage {
    /// A stage that has judged nothing yet.
    #[must_use]
    pub fn new(judges: Judges, incidents: Incidents) -> Self {
        Self {
            judges,
            incidents,
            judgements: Vec::new(),
            talk_judgements: Vec::new(),
        }
    }

    /// Judges the rows that a window brought and returns the alerts that began, changed or ended.
    ///
    /// `talks` are the conversations that are due.
    pub fn step(
        &mut self,
        window: &Window,
        rows: &Features,
        talks: &Features,
        ended: &[JudgedFlow],
    ) -> Vec<Alert> {
        let Judges {
            classifier,
            of_conversations,
            detectors,
        } = &mut self.judges;
        self.judgements = classifier
            .as_ref()
            .map(|classifier| classifier.judge(rows))
            .unwrap_or_default();
        self.talk_judgements = of_conversations
            .as_ref()
            .map(|classifier| classifier.judge(talks))
            .unwrap_or_default();
        let view = View {
            window,
            rows,
            judgements: &self.judgements,
            ended,
        };
        let mut findings = Vec::new();
        let mut speakers = Vec::new();
        for (place, detector) in detectors.iter_mut().enumerate() {
            let found = detector.judge(&view);
            speakers.extend(std::iter::repeat_n(place, found.len()));
            findings.extend(found);
        }
        let scene = Scene {
            start: window.start,
            now: window.end,
            facts: &rows.facts,
            judgements: &self.judgements,
            talks: &talks.facts,
            talk_judgements: &self.talk_judgements,
            findings: &findings,
        };
        self.incidents
            .absorb(&scene, &mut |witness, class| match witness {
                Witness::Row(row) => classifier
                    .as_ref()
                    .map(|classifier| classifier.explain(rows, row, class))
                    .unwrap_or_default(),
                Witness::Conversation(row) => of_conversations
                    .as_ref()
                    .map(|classifier| classifier.explain(talks, row, class))
                    .unwrap_or_default(),
                Witness::Finding(number) => {
                    detectors[speakers[number]].explain(&view, &findings[number])
                }
            })
    }

    /// What the classifier says of the last rows.
    #[must_use]
    pub fn judgements(&self) -> &[Judgement] {
        &self.judgements
    }

    /// The incidents.
    #[must_use]
    pub fn incidents(&self) -> &Incidents {
        &self.incidents
    }

    /// The incidents, to be told of interfaces and hosts to watch.
    pub fn incidents_mut(&mut self) -> &mut Incidents {
        &mut self.incidents
    }

    /// Ends all incidents that were begun until now.
    pub fn end(&mut self) -> Vec<Alert> {
        self.incidents.end_all()
    }

    /// Forgets everything but keeps the memory.
    pub fn clear(&mut self) {
        for detector in &mut self.judges.detectors {
            detector.clear();
        }
        self.incidents.clear();
        self.judgements.clear();
        self.talk_judgements.clear();
    }
}
