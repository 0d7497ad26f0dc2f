"""What carries a patient's identity: columns, by the keywords of the DICOM data dictionary, and UIDs in sentences.

The list is the part of DICOM PS3.15 table E.1-1 (Basic Application Level Confidentiality Profile) that names a person,
a visit, a date, or an object that a hospital's archive can look up. Age and sex are kept: studies need them.
"""

from __future__ import annotations

import re

_KEYWORDS = """
PatientName PatientID IssuerOfPatientID OtherPatientIDs OtherPatientNames OtherPatientIDsSequence PatientBirthName
PatientMotherBirthName PatientBirthDate PatientBirthTime PatientAddress PatientTelephoneNumbers
PatientTelecomInformation
PatientInsurancePlanCodeSequence MilitaryRank BranchOfService CountryOfResidence RegionOfResidence Occupation
PatientReligiousPreference EthnicGroup PatientComments AdditionalPatientHistory MedicalRecordLocator ResponsiblePerson
PatientState PersonName PersonAddress PersonTelephoneNumbers
AccessionNumber StudyID AdmissionID ServiceEpisodeID RequestedProcedureID PlacerOrderNumberImagingServiceRequest
FillerOrderNumberImagingServiceRequest
StudyInstanceUID SeriesInstanceUID SOPInstanceUID FrameOfReferenceUID
StudyDate SeriesDate AcquisitionDate ContentDate StudyTime SeriesTime AcquisitionTime ContentTime AcquisitionDateTime
AdmittingDate LastMenstrualDate DateOfSecondaryCapture
ReferringPhysicianName ReferringPhysicianAddress PhysiciansOfRecord PerformingPhysicianName OperatorsName
NameOfPhysiciansReadingStudy RequestingPhysician ConsultingPhysicianName
InstitutionName InstitutionAddress InstitutionalDepartmentName StationName DeviceSerialNumber
""".split()  # noqa: SIM905  a list of quoted words would be three times as long

_ALSO = ("mrn", "medicalrecordnumber", "ssn", "dob", "dateofbirth", "seriesuid", "studyuid", "sopuid")
"""What people call the same things in spreadsheets."""


def _normal(name: str) -> str:
    """`Patient's Name`, `PATIENTS_NAME`, `patient_name` and `PatientName` are one keyword."""
    return re.sub(r"[^a-z0-9]", "", name.lower()).replace("patients", "patient")


_IDENTIFYING = frozenset(map(_normal, _KEYWORDS)) | frozenset(_ALSO)


_UID = re.compile(r"\b\d+(?:\.\d+){4,}\b")


def without_uids(text: str) -> str:
    """A sentence in which DICOM UIDs (PS3.5 section 9) are replaced: an archive can look a patient up by them.

    >>> without_uids("Choose 1.2.840.113619.2.55 or 1.2.840.113619.2.56, 0.7 mm.")
    'Choose (UID) or (UID), 0.7 mm.'
    """
    return _UID.sub("(UID)", text)


def is_identifying(column: str) -> bool:
    """Whether a column's name says that it identifies a patient. A prefix up to a dot or colon is ignored.

    >>> is_identifying("PatientID"), is_identifying("Patient's Birth Date"), is_identifying("dicom.StudyDate")
    (True, True, True)
    >>> is_identifying("malignancy"), is_identifying("PatientAge")
    (False, False)
    """
    return _normal(column) in _IDENTIFYING or _normal(re.split(r"[.:]", column)[-1]) in _IDENTIFYING
