"""What carries a patient's identity: columns, by the keywords of the DICOM data dictionary, and UIDs in sentences.

The list is the part of DICOM PS3.15 table E.1-1 (Basic Application Level Confidentiality Profile) that names a person,
a visit, a date, or an object that a hospital's archive can look up, and free text that may. A column is dropped rather
than kept in doubt, and the user is told. Age and sex are kept: studies need them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_KEYWORDS = """
PatientName PatientID IssuerOfPatientID OtherPatientID OtherPatientName PatientBirthName PatientMotherBirthName
PatientBirthDate PatientBirthTime PatientAddress PatientTelephoneNumbers PatientTelecomInformation PatientComments
PatientInsurancePlanCodeSequence InsurancePlanIdentification PatientInstitutionResidence CurrentPatientLocation
PatientState PatientReligiousPreference MilitaryRank BranchOfService CountryOfResidence RegionOfResidence Occupation
EthnicGroup AdditionalPatientHistory MedicalRecordLocator ResponsiblePerson PersonName PersonAddress
PersonTelephoneNumbers PersonIdentificationCodeSequence
AccessionNumber StudyID AdmissionID ServiceEpisodeID RequestedProcedureID PerformedProcedureStepID
ScheduledProcedureStepID PlacerOrderNumber FillerOrderNumber InstanceUID FrameOfReferenceUID DeviceUID
StudyDate SeriesDate AcquisitionDate ContentDate InstanceCreationDate ProcedureStepStartDate ProcedureStepEndDate
StudyTime SeriesTime AcquisitionTime ContentTime AdmittingDate LastMenstrualDate DateOfSecondaryCapture
PhysicianName PhysicianAddress PhysiciansOfRecord OperatorsName NameOfPhysiciansReadingStudy RequestingPhysician
ReviewerName ContentCreatorName VerifyingObserverName AuthorObserver InstitutionName InstitutionAddress
InstitutionalDepartmentName StationName DeviceSerialNumber StudyDescription SeriesDescription ImageComments
StudyComments ProtocolName
""".split()  # noqa: SIM905  a list of quoted words would be three times as long

_WORDS = {"mrn", "ssn", "dob", "birthdate", "birthday", "birth", "surname", "accession", "hospital", "institution"}
_WORDS |= {"physician", "radiologist", "email", "mail", "phone", "telephone", "address", "initials"}
_WORDS |= {"geburtsdatum", "vorname", "nachname", "familienname", "fallnummer", "aufnahmenummer", "adresse", "telefon"}
"""What people call such things in spreadsheets, as a word of a column's name …"""
_NAMES = {"patient", "patid", "pid", "subject", "subjectid", "subjid", "name", "fullname", "firstname", "lastname"}
_NAMES |= {"seriesuid", "studyuid", "sopuid", "dateofbirth", "medicalrecordnumber"}
"""… or as the whole name …"""
_NUMBER_OF_PERSON = re.compile(r"(patient(en)?|pat|proband(en)?)(id|no|nr|num|number|nummer|code|key|name|identifier)")
"""… or in two words, or one."""

_SHORTEST_WORD = 3
"""Letters of a name that are looked for."""
_PATIENT_TAG = re.compile(r"\(?0010[,_ ]?[0-9a-f]{4}\)?", re.IGNORECASE)
_UID = re.compile(r"(?<!\d)(?:\d+(?:\.\d+){4,}|2\.25\.\d+)")


def without_uids(text: str) -> str:
    """A sentence in which DICOM UIDs (PS3.5 section 9) are replaced: an archive can look a patient up by them.

    >>> without_uids("Choose 1.2.840.113619.2.55 or 2.25.3141592653, 0.7 mm.")
    'Choose (UID) or (UID), 0.7 mm.'
    >>> without_uids("CT_1.2.840.113619.2.55_lesion.nii.gz"), without_uids("torch 2.13.0, UID1.2.840.113619.2")
    ('CT_(UID)_lesion.nii.gz', 'torch 2.13.0, UID(UID)')
    """
    return _UID.sub("(UID)", text)


def words_of_patient(name: str, number: str) -> tuple[str, ...]:
    """What of a PatientName and PatientID is looked for in paths and sentences, the longest first.

    >>> words_of_patient("Smith^Jane^A", "4711")
    ('Smith', '4711', 'Jane')
    """
    words = {*re.split(r"[\s^=,._-]+", name), number}
    return tuple(sorted((word for word in words if len(word) >= _SHORTEST_WORD), key=lambda word: (-len(word), word)))


def without_words(text: str, words: Iterable[str]) -> str:
    """A path or sentence in which these words of a patient's name and number are replaced.

    >>> without_words("CT/Smith_J_4711/thin", words_of_patient("Smith^Jane", "4711"))
    'CT/(patient)_J_(patient)/thin'
    """
    for word in words:
        text = re.sub(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", "(patient)", text, flags=re.IGNORECASE)
    return text


def is_identifying(column: str) -> bool:
    """Whether a column's name says that it identifies a patient, however it is written and whatever is around it.

    >>> is_identifying("PatientID"), is_identifying("Patient's Birth Date"), is_identifying("dicom.StudyDate_x")
    (True, True, True)
    >>> is_identifying("malignancy"), is_identifying("PatientAge")
    (False, False)
    """
    words = re.split(r"[^a-z0-9]+", column.lower())
    if _PATIENT_TAG.fullmatch(column.strip()) or _WORDS.intersection(words) or _normal(column) in _NAMES:
        return True
    if _NUMBER_OF_PERSON.fullmatch(_normal(column)):
        return True
    return any(keyword in _normal(column) for keyword in _IDENTIFYING)


def _normal(name: str) -> str:
    """`Patient's Name`, `PATIENTS_NAME`, `patient_name` and `PatientName` are one keyword."""
    name = re.sub(r"[^a-z0-9]", "", name.lower())
    return name.replace("patients", "patient").replace("physicians", "physician").replace("operators", "operator")


_IDENTIFYING = frozenset(map(_normal, _KEYWORDS))
